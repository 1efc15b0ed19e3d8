// Goal: supabase-js signs in with a real OpenID Connect provider, with PKCE and without, where Troupe is
// a confidential client and where it is a public one. Method: panva's oidc-provider, certified and
// unmodified, supabase-js from npm, a program of the suite's own, and a browser that fills in the forms.
import test from 'node:test'
import assert from 'node:assert/strict'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { createClient } from '@supabase/supabase-js'
import { AuthClient } from '@supabase/auth-js'
import { Browser, freePort, startProgram, startProvider } from './oidc_stage.mjs'
import { good, newEmail, password, refused } from './supabase_support.mjs'

const app = 'http://127.0.0.1:3000', native = 'http://127.0.0.1:3001'
const secret = 'a secret: 100%+/&=~'
const port = await freePort(), callback = `http://127.0.0.1:${port}/auth/v1/callback/`
// The confidential client signs RS256 and gives its secret by Basic; the public one signs ES256.
const acme = await startProvider({ client_id: 'web', client_secret: secret, redirect_uris: [`${callback}acme`] })
const phone = await startProvider({ client_id: 'mobile', token_endpoint_auth_method: 'none',
  id_token_signed_response_alg: 'ES256', redirect_uris: [`${callback}mobile`, `${native}/done`] })
const program = await startProgram(port, {
  TROUPE_MAIL_SITE_URL: app, TROUPE_AUTH_PUBLIC_URL: `http://127.0.0.1:${port}`,
  TROUPE_ISSUERS_ACME_ISSUER: acme.url, TROUPE_ISSUERS_ACME_CLIENT_ID: 'web', TROUPE_ISSUERS_ACME_CLIENT_SECRET: secret,
  TROUPE_ISSUERS_MOBILE_ISSUER: phone.url, TROUPE_ISSUERS_MOBILE_CLIENT_ID: 'mobile',
})
test.after(async () => {
  await program.stop()
  await Promise.all([acme.stop(), phone.stop()])
})

const someone = () => `u-${randomUUID()}`
const clientFor = (flowType, Client = createClient) => {
  const kept = new Map()
  const storage = { getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => kept.set(k, v), removeItem: (k) => kept.delete(k) }
  const auth = { flowType, persistSession: true, autoRefreshToken: false, detectSessionInUrl: false, storage, storageKey: randomUUID() }
  return Client === createClient ? createClient(program.url, 'an anon key', { auth })
    : { auth: new AuthClient({ url: `${program.url}/auth/v1`, headers: { apikey: 'anon' }, ...auth }) }
}
/** Where a browser lands that signs in: {url, query, fragment}. */
const walk = async (supabase, provider, login, browser = new Browser(), options = {}) => {
  const { url } = good(await supabase.auth.signInWithOAuth({ provider,
    options: { skipBrowserRedirect: true, redirectTo: `${app}/welcome?from=${provider}`, ...options } }))
  const landed = await browser.walk(url, login, [app])
  return { url: landed, query: landed.searchParams, fragment: new URLSearchParams(landed.hash.slice(1)) }
}
/** What a client does with a session, from the first request to the last. */
const livesItsLife = async (supabase, provider, login) => {
  const { user } = good(await supabase.auth.getUser())
  assert.deepEqual([user.email, user.app_metadata.provider], [`${login}@example.org`, provider])
  const identity = user.identities.find((one) => one.provider === provider)
  assert.equal(identity.identity_data.sub, login)
  const before = good(await supabase.auth.getSession()).session
  const after = good(await supabase.auth.refreshSession()).session
  assert.notEqual(after.refresh_token, before.refresh_token)
  assert.equal(good(await supabase.auth.getUser()).user.id, user.id)
  assert.equal((await supabase.auth.signOut()).error, null)
  refused(await clientFor('implicit').auth.refreshSession({ refresh_token: after.refresh_token }), 'refresh_token_not_found', 400)
  return user
}

for (const provider of ['acme', 'mobile']) {
  for (const Client of [createClient, AuthClient])
    test(`${provider}: ${Client === createClient ? 'supabase-js' : 'auth-js'} exchanges a code with PKCE`, async () => {
      const supabase = clientFor('pkce', Client), login = someone()
      const { url, query } = await walk(supabase, provider, login)
      assert.equal(`${url.origin}${url.pathname}`, `${app}/welcome`)
      assert.deepEqual([...query.keys()].sort(), ['code', 'from'])
      assert.ok(!url.href.includes('access_token'))
      const { session, user } = good(await supabase.auth.exchangeCodeForSession(query.get('code')))
      assert.ok(session.refresh_token && user.id)
      await livesItsLife(supabase, provider, login)
    })

  test(`${provider}: without PKCE the session is in the fragment`, async () => {
    const supabase = clientFor('implicit'), login = someone()
    const { query, fragment } = await walk(supabase, provider, login)
    assert.deepEqual([...query.keys()], ['from'])
    assert.deepEqual([fragment.get('token_type'), Number(fragment.get('expires_in')) > 0], ['bearer', true])
    good(await supabase.auth.setSession({ access_token: fragment.get('access_token'), refresh_token: fragment.get('refresh_token') }))
    await livesItsLife(supabase, provider, login)
  })
}

test('the name and the e-mail are those that the provider tells at userinfo', async () => {
  const login = someone(), { fragment } = await walk(clientFor('implicit'), 'acme', login)
  const res = await fetch(`${program.url}/v1/auth/me`, { headers: { authorization: `Bearer ${fragment.get('access_token')}` } })
  const me = await res.json()
  assert.deepEqual([me.name, me.email], [`Dr. ${login}`, `${login}@example.org`])
})

test('who is signed in at the provider comes in without a form, and prompt asks again', async () => {
  const browser = new Browser(), login = someone()
  const id = async (options) => {
    const { fragment } = await walk(clientFor('implicit'), 'acme', login, browser, options)
    return good(await clientFor('implicit').auth.getUser(fragment.get('access_token'))).user.id
  }
  const first = await id()
  assert.deepEqual(browser.forms, ['login', 'consent'])
  assert.equal(await id(), first)
  assert.deepEqual(browser.forms, ['login', 'consent'])
  assert.equal(await id({ queryParams: { prompt: 'login', login_hint: login } }), first)
  assert.deepEqual(browser.forms, ['login', 'consent', 'login'])
})

test('who goes away at the provider comes back with its refusal', async () => {
  for (const flow of ['pkce', 'implicit']) {
    const { url, query, fragment } = await walk(clientFor(flow), 'acme', null)
    assert.equal(url.pathname, '/welcome')
    for (const part of [query, fragment]) {
      assert.deepEqual([part.get('error'), part.get('error_description')], ['access_denied', 'End-User aborted interaction'])
      assert.ok(part.get('error_code'))
      assert.equal(part.get('access_token') ?? part.get('code'), null)
    }
  }
  const silent = await walk(clientFor('implicit'), 'acme', someone(), new Browser(), { queryParams: { prompt: 'none' } })
  assert.equal(silent.query.get('error'), 'login_required')
})

test('scopes of the app reach the provider, which leaves away what it does not know', async () => {
  const { fragment } = await walk(clientFor('implicit'), 'acme', someone(), new Browser(), { scopes: 'email groups' })
  assert.ok(fragment.get('access_token'), String(fragment))
})

test('a code is no use to another client', async () => {
  const thief = clientFor('pkce'), owner = clientFor('pkce')
  good(await thief.auth.signInWithOAuth({ provider: 'acme', options: { skipBrowserRedirect: true } })) // a verifier of its own
  const code = (await walk(owner, 'acme', someone())).query.get('code')
  refused(await thief.auth.exchangeCodeForSession(code), 'bad_code_verifier', 400)
  refused(await owner.auth.exchangeCodeForSession(code), 'flow_state_not_found', 404)
})

test('an account with the same e-mail is not taken over', async () => {
  const login = someone()
  good(await clientFor('implicit').auth.signUp({ email: `${login}@example.org`, password }))
  const { query, fragment } = await walk(clientFor('pkce'), 'acme', login)
  assert.deepEqual([query.get('error_code'), fragment.get('error_code'), query.get('code')], ['email_exists', 'email_exists', null])
  good(await clientFor('implicit').auth.signUp({ email: newEmail(), password }))
})

test('a provider that nobody named is refused', async () => {
  const { url } = good(await clientFor('pkce').auth.signInWithOAuth({ provider: 'google', options: { skipBrowserRedirect: true } }))
  const res = await fetch(url, { redirect: 'manual' })
  const { code, error_code: word, msg } = await res.json()
  assert.deepEqual([res.status, code, word], [400, 400, 'validation_failed'])
  assert.match(msg, /^Unsupported provider/)
})

// an app that asks the provider by itself

const sha256 = (text, form) => createHash('sha256').update(text).digest(form)
/** The tokens that an app on a phone gets from the provider, without the program. */
const tokensOf = async (login, nonce) => {
  const verifier = randomBytes(40).toString('base64url')
  const link = `${phone.url}/auth?` + new URLSearchParams({ client_id: 'mobile', response_type: 'code', scope: 'openid email',
    redirect_uri: `${native}/done`, state: 's', code_challenge: sha256(verifier, 'base64url'), code_challenge_method: 'S256',
    ...(nonce ? { nonce: sha256(nonce, 'hex') } : {}) })
  const landed = await new Browser().walk(link, login, [native])
  const res = await fetch(`${phone.url}/token`, { method: 'POST', body: new URLSearchParams({ client_id: 'mobile',
    grant_type: 'authorization_code', redirect_uri: `${native}/done`, code_verifier: verifier,
    code: landed.searchParams.get('code') }) })
  assert.equal(res.status, 200)
  return res.json()
}

test('signInWithIdToken takes an id_token of the provider, with a nonce and without', async () => {
  const login = someone(), nonce = randomUUID()
  const supabase = clientFor('implicit')
  const { id_token: token, access_token } = await tokensOf(login, nonce)
  const { user, session } = good(await supabase.auth.signInWithIdToken({ provider: 'mobile', token, access_token, nonce }))
  assert.ok(session.refresh_token)
  assert.equal(user.identities.find((one) => one.provider === 'mobile').identity_data.sub, login)
  assert.equal(good(await supabase.auth.refreshSession()).user.id, user.id)
  assert.equal((await supabase.auth.signOut()).error, null)
  const again = await tokensOf(login)
  assert.equal(good(await supabase.auth.signInWithIdToken({ provider: 'mobile', token: again.id_token })).user.id, user.id)
  const { fragment } = await walk(clientFor('implicit'), 'mobile', login)
  assert.equal(good(await supabase.auth.getUser(fragment.get('access_token'))).user.id, user.id)
})

test('signInWithIdToken refuses what is not for this app or this nonce', async () => {
  const nonce = randomUUID(), { id_token: token } = await tokensOf(someone(), nonce)
  const supabase = clientFor('implicit')
  refused(await supabase.auth.signInWithIdToken({ provider: 'mobile', token, nonce: 'another' }), 'bad_jwt', 403)
  refused(await supabase.auth.signInWithIdToken({ provider: 'acme', token, nonce }), 'bad_jwt', 403)
  const [head, body, signature] = token.split('.')
  const claims = { ...JSON.parse(Buffer.from(body, 'base64url')), sub: 'root' }
  const bent = [head, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.')
  refused(await supabase.auth.signInWithIdToken({ provider: 'mobile', token: bent, nonce }), 'bad_jwt', 403)
  refused(await supabase.auth.signInWithIdToken({ provider: 'google', token, nonce }), 'validation_failed', 400)
  good(await supabase.auth.signInWithIdToken({ provider: 'mobile', token, nonce }))
})
