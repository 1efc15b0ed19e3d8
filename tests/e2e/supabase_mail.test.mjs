// Goal: what supabase's clients do with mails works: confirming a sign-up, recovery, magic links and
// codes, with PKCE and without, a new e-mail, invitations, anonymous accounts; nobody learns from an
// answer who has an account, and no link leads elsewhere. Method: supabase-js and a newer auth-js from
// npm, a program of the suite's own, and a real mail server whose mails are read.
import test from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createClient } from '@supabase/supabase-js'
import { AuthClient } from '@supabase/auth-js'
import { startMailStage } from './mail_stage.mjs'
import { good, newEmail, password, refused } from './supabase_support.mjs'

const stage = await startMailStage({ TROUPE_AUTH_SIGNING: 'ES256', TROUPE_AUTH_ANONYMOUS: 'on',
  TROUPE_AUTH_MAIL_PAUSE: '0s', TROUPE_AUTH_REDIRECT_URLS: 'http://localhost:3000/**' })
// Another, whose only difference is the pause between mails.
const calm = stage && await startMailStage({ TROUPE_AUTH_MAIL_PAUSE: '60s' })
test.after(() => Promise.all([stage, calm].map((one) => one?.stop())))
const check = (name, run) => test(name, { skip: stage ? false : 'python3-aiosmtpd is not installed' }, run)

const client = (more = {}, at = stage) =>
  createClient(at.url, 'an anon key', { auth: { persistSession: false, autoRefreshToken: false, ...more } })
const pkceClient = () => {
  const kept = new Map()
  return client({ flowType: 'pkce', persistSession: true, storageKey: randomUUID(), storage: {
    getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => kept.set(k, v), removeItem: (k) => kept.delete(k) } })
}
/** Where a link from a mail leads: {url, query, fragment}. */
const follow = async (link) => {
  const res = await fetch(link, { redirect: 'manual' })
  assert.equal(res.status, 303, await res.text())
  const url = new URL(res.headers.get('location'))
  return { url, query: url.searchParams, fragment: new URLSearchParams(url.hash.slice(1)) }
}
/** A client whose e-mail is confirmed, signed in with its password. */
const confirmed = async () => {
  const supabase = client(), email = newEmail()
  good(await supabase.auth.signUp({ email, password }))
  good(await client().auth.verifyOtp({ token_hash: new URL((await stage.mailTo(email)).link).searchParams.get('token'), type: 'signup' }))
  good(await supabase.auth.signInWithPassword({ email, password }))
  return { supabase, email }
}
const login = (email) => client().auth.signInWithPassword({ email, password })

check('a sign-up waits for its mail, whose link signs in', async () => {
  const email = newEmail()
  const { user, session } = good(await client().auth.signUp({ email, password, options: {
    data: { a: 1 }, emailRedirectTo: 'http://localhost:3000/welcome?from=mail' } }))
  assert.equal(session, null)
  assert.deepEqual([user.email, user.user_metadata, user.email_confirmed_at], [email, { a: 1 }, undefined])
  refused(await login(email), 'email_not_confirmed', 400)
  const mail = await stage.mailTo(email)
  assert.match(mail.subject, /Confirm/)
  const { url, fragment } = await follow(mail.link)
  assert.equal(`${url.origin}${url.pathname}${url.search}`, 'http://localhost:3000/welcome?from=mail')
  assert.deepEqual([fragment.get('type'), fragment.get('token_type')], ['signup', 'bearer'])
  const there = client()
  good(await there.auth.setSession({ access_token: fragment.get('access_token'), refresh_token: fragment.get('refresh_token') }))
  assert.ok(good(await there.auth.getUser()).user.email_confirmed_at)
  good(await login(email))
  const again = await follow(mail.link)
  assert.deepEqual([again.query.get('error_code'), again.fragment.get('error')], ['otp_expired', 'access_denied'])
})

check('register without confirmation is closed where confirmation is wanted', async () => {
  const res = await fetch(`${stage.url}/v1/auth/register`, { method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: newEmail(), password }) })
  assert.deepEqual([res.status, (await res.json()).error.code], [403, 'email_confirmation_required'])
})

check('a sign-up for an e-mail that is taken looks like any other and changes nothing', async () => {
  const { email } = await confirmed()
  const taken = good(await client().auth.signUp({ email, password: 'the password of a thief' }))
  const fresh = good(await client().auth.signUp({ email: newEmail(), password }))
  assert.equal(taken.session, null)
  assert.deepEqual(Object.keys(taken.user).sort(), Object.keys(fresh.user).sort())
  assert.equal(taken.user.identities.length, fresh.user.identities.length)
  good(await login(email))
  refused(await client().auth.signInWithPassword({ email, password: 'the password of a thief' }), 'invalid_credentials', 400)
  assert.equal(stage.mails.filter((m) => m.envelope_to[0] === email).length, 0)
})

check('a confirmation is sent again', async () => {
  const email = newEmail()
  good(await client().auth.signUp({ email, password }))
  const first = await stage.mailTo(email)
  good(await client().auth.resend({ type: 'signup', email, options: { emailRedirectTo: 'http://localhost:3000/x' } }))
  const second = await stage.mailTo(email)
  refused(await client().auth.verifyOtp({ email, token: first.code, type: 'signup' }), 'otp_expired', 403)
  good(await client().auth.verifyOtp({ email, token: second.code, type: 'signup' }))
})

check('a forgotten password is replaced by code, by link, and with PKCE', async () => {
  const { email } = await confirmed()
  good(await client().auth.resetPasswordForEmail(email))
  const byCode = client()
  good(await byCode.auth.verifyOtp({ email, token: (await stage.mailTo(email)).code, type: 'recovery' }))
  good(await byCode.auth.updateUser({ password: 'chosen with the code' }))
  good(await client().auth.signInWithPassword({ email, password: 'chosen with the code' }))

  good(await client().auth.resetPasswordForEmail(email, { redirectTo: 'https://app.example.org/reset' }))
  const { url, fragment } = await follow((await stage.mailTo(email)).link)
  assert.equal(url.pathname, '/reset')
  assert.equal(fragment.get('type'), 'recovery')

  const pkce = pkceClient()
  good(await pkce.auth.resetPasswordForEmail(email, { redirectTo: 'https://app.example.org/reset' }))
  const { query, fragment: none } = await follow((await stage.mailTo(email)).link)
  assert.equal(none.get('access_token'), null)
  const thief = pkceClient()
  good(await thief.auth.resetPasswordForEmail(newEmail())) // so that it has a verifier of its own
  const code = query.get('code')
  assert.equal(good(await pkce.auth.exchangeCodeForSession(code)).session.user.email, email)
  refused(await thief.auth.exchangeCodeForSession(code), 'flow_state_not_found', 404)
  good(await pkce.auth.updateUser({ password }))
  good(await login(email))
})

check('a code is no use to who has another verifier', async () => {
  const { email } = await confirmed()
  const owner = pkceClient(), thief = pkceClient()
  good(await owner.auth.signInWithOtp({ email }))
  const { query } = await follow((await stage.mailTo(email)).link)
  good(await thief.auth.resetPasswordForEmail(newEmail()))
  refused(await thief.auth.exchangeCodeForSession(query.get('code')), 'bad_code_verifier', 400)
  refused(await owner.auth.exchangeCodeForSession(query.get('code')), 'flow_state_not_found', 404)
})

check('a magic link and its code sign in, and make an account', async () => {
  const email = newEmail(), supabase = client()
  good(await supabase.auth.signInWithOtp({ email, options: { data: { from: 'otp' } } }))
  const { code, link } = await stage.mailTo(email)
  const { user } = good(await supabase.auth.verifyOtp({ email, token: code, type: 'email' }))
  assert.deepEqual([user.email, user.user_metadata], [email, { from: 'otp' }])
  assert.ok(user.email_confirmed_at)
  assert.equal((await follow(link)).query.get('error_code'), 'otp_expired')
  good(await supabase.auth.signInWithOtp({ email }))
  const { fragment } = await follow((await stage.mailTo(email)).link)
  assert.equal(good(await client().auth.getUser(fragment.get('access_token'))).user.id, user.id)
})

check('an unknown e-mail gets the same answer and no mail', async () => {
  const stranger = newEmail(), { email } = await confirmed()
  for (const to of [stranger, email]) {
    assert.deepEqual(good(await client().auth.resetPasswordForEmail(to)), {})
    good(await client().auth.signInWithOtp({ email: to, options: { shouldCreateUser: false } }))
    good(await client().auth.resend({ type: 'signup', email: to }))
    refused(await client().auth.verifyOtp({ email: to, token: '000000', type: 'recovery' }), 'otp_expired', 403)
  }
  await stage.mailTo(email)
  await stage.mailTo(email)
  assert.equal(stage.mails.filter((m) => [stranger, email].includes(m.envelope_to[0])).length, 0)
})

check('after five wrong codes the right one is dead, and the link is not', async () => {
  const { email } = await confirmed()
  good(await client().auth.signInWithOtp({ email }))
  const { code, link } = await stage.mailTo(email)
  const wrong = code === '123456' ? '654321' : '123456'
  for (let i = 0; i < 5; ++i)
    refused(await client().auth.verifyOtp({ email, token: wrong, type: 'email' }), 'otp_expired', 403)
  refused(await client().auth.verifyOtp({ email, token: code, type: 'email' }), 'otp_expired', 403)
  assert.ok((await follow(link)).fragment.get('access_token'))
})

check('of many who use a code at once one is signed in', async () => {
  const { email } = await confirmed()
  good(await client().auth.signInWithOtp({ email }))
  const { code } = await stage.mailTo(email)
  const all = await Promise.all(Array.from({ length: 8 }, () => client().auth.verifyOtp({ email, token: code, type: 'email' })))
  assert.equal(all.filter(({ error }) => error === null).length, 1)
})

check('a link leads nowhere but to the app', async () => {
  const { email } = await confirmed()
  for (const evil of ['https://evil.test/', 'https://app.example.org.evil.test/', 'https://app.example.org@evil.test/', '//evil.test']) {
    good(await client().auth.resetPasswordForEmail(email, { redirectTo: evil }))
    const { link } = await stage.mailTo(email)
    assert.ok(!link.includes('evil'), link)
    const bent = new URL(link)
    bent.searchParams.set('redirect_to', evil)
    assert.equal((await follow(bent)).url.origin, 'https://app.example.org')
    bent.searchParams.set('token', 'nonsense')
    assert.equal((await follow(bent)).url.origin, 'https://app.example.org')
  }
})

check('a new e-mail counts when its mail was followed', async () => {
  const { supabase, email } = await confirmed()
  const moved = newEmail()
  assert.equal(good(await supabase.auth.updateUser({ email: moved })).user.email, email)
  const mail = await stage.mailTo(moved)
  assert.ok(mail.text.includes(email) && mail.text.includes(moved))
  good(await login(email))
  assert.equal((await follow(mail.link)).fragment.get('type'), 'email_change')
  assert.equal(good(await supabase.auth.getUser()).user.email, moved)
  refused(await login(email), 'invalid_credentials', 400)
  good(await login(moved))
})

check('an anonymous account becomes one with e-mail and password', async () => {
  const supabase = client()
  const { user, session } = good(await supabase.auth.signInAnonymously({ options: { data: { cart: 3 } } }))
  assert.deepEqual([user.is_anonymous, user.email, user.user_metadata], [true, '', { cart: 3 }])
  assert.equal(JSON.parse(atob(session.access_token.split('.')[1])).is_anonymous, true)
  refused(await supabase.auth.updateUser({ password }), 'validation_failed', 400)
  const email = newEmail()
  good(await supabase.auth.updateUser({ email, password }))
  assert.equal(good(await supabase.auth.getUser()).user.is_anonymous, true)
  await follow((await stage.mailTo(email)).link)
  const now = good(await supabase.auth.getUser()).user
  assert.deepEqual([now.id, now.is_anonymous, now.email, now.user_metadata], [user.id, false, email, { cart: 3 }])
  assert.equal(good(await login(email)).user.id, user.id)
})

check('an invitation is followed once and its guest chooses a password', async () => {
  const email = newEmail(), admin = createClient(stage.url, stage.key).auth.admin
  const { user } = good(await admin.inviteUserByEmail(email, { data: { team: 'a' }, redirectTo: 'http://localhost:3000/join' }))
  assert.deepEqual([user.email, user.user_metadata], [email, { team: 'a' }])
  const mail = await stage.mailTo(email)
  assert.match(mail.subject, /invited/)
  const { url, fragment } = await follow(mail.link)
  assert.deepEqual([url.pathname, fragment.get('type')], ['/join', 'invite'])
  const guest = client()
  good(await guest.auth.setSession({ access_token: fragment.get('access_token'), refresh_token: fragment.get('refresh_token') }))
  good(await guest.auth.updateUser({ password }))
  assert.equal(good(await login(email)).user.id, user.id)
  refused(await admin.inviteUserByEmail(email), 'email_exists', 422)
})

check('who proves an e-mail first takes the account from who only claimed it', async () => {
  const email = newEmail()
  good(await client().auth.signUp({ email, password: 'the password of a thief' }))
  await stage.mailTo(email)
  good(await client().auth.signInWithOtp({ email }))
  const owner = client()
  good(await owner.auth.verifyOtp({ email, token: (await stage.mailTo(email)).code, type: 'email' }))
  refused(await client().auth.signInWithPassword({ email, password: 'the password of a thief' }), 'invalid_credentials', 400)
})

check('claims are verified with the published keys', async () => {
  const { supabase, email } = await confirmed()
  const { claims, header } = good(await supabase.auth.getClaims())
  assert.deepEqual([header.alg, claims.email, claims.aud, claims.role], ['ES256', email, 'authenticated', 'authenticated'])
  const newer = new AuthClient({ url: `${stage.url}/auth/v1`, headers: { apikey: 'anon' }, persistSession: false, autoRefreshToken: false })
  const { session } = good(await newer.signInWithPassword({ email, password }))
  const own = good(await newer.getClaims()).claims
  assert.equal(own.sub, claims.sub)
  assert.notEqual(own.session_id, claims.session_id)
  const forged = session.access_token.replace(/\.[^.]+$/, `.${'A'.repeat(86)}`)
  assert.equal((await newer.getClaims(forged)).error.name, 'AuthInvalidJwtError')
})

check('mails to an account keep their distance, and its owner is told', async () => {
  const supabase = client({}, calm), email = newEmail()
  good(await supabase.auth.signUp({ email, password }))
  good(await supabase.auth.verifyOtp({ email, token: (await calm.mailTo(email)).code, type: 'signup' }))
  const asked = [1, 2, 3].map(() => client({}, calm).auth.resetPasswordForEmail(email)) // at once
  for (const answer of await Promise.all(asked)) good(answer)
  await calm.mailTo(email)
  const first = newEmail()
  good(await supabase.auth.updateUser({ email: first }))
  await calm.mailTo(first)
  refused(await supabase.auth.updateUser({ email: newEmail() }), 'over_email_send_rate_limit', 429)
  assert.deepEqual(calm.mails, [])
})
