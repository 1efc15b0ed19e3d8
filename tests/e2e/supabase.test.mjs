// Goal: supabase's clients work unmodified against /auth/v1 of a server without a mail server.
// Method: supabase-js and a newer auth-js from npm; plain HTTP for what they hide.
import test from 'node:test'
import assert from 'node:assert/strict'
import { createClient } from '@supabase/supabase-js'
import { AuthClient } from '@supabase/auth-js'
import { base, key, sleep } from './support.mjs'
import { good, newEmail, password, refused } from './supabase_support.mjs'

const options = { auth: { persistSession: false, autoRefreshToken: false } }
const client = (apiKey = 'an anon key') => createClient(base, apiKey, options)
const admin = client(key).auth.admin

/** A signed-in client and what its sign-up gave. */
const signedUp = async (data) => {
  const supabase = client(), email = newEmail()
  const made = good(await supabase.auth.signUp({ email, password, options: { data } }))
  return { supabase, email, ...made }
}
/** What one node knows others learn within five seconds. */
const becomes = async (ask, holds) => {
  for (let i = 0; i < 60; ++i) {
    if (holds(await ask())) return
    await sleep(100)
  }
  assert.fail(JSON.stringify(await ask()))
}
const raw = async (method, path, body, headers = {}) => {
  const res = await fetch(`${base}/auth/v1${path}`, { method, redirect: 'manual',
    headers: { 'content-type': 'application/json', ...headers }, body: body && JSON.stringify(body) })
  return { status: res.status, headers: res.headers, json: await res.json().catch(() => undefined) }
}

test('a sign-up gives a session, and its user the shape that the client types', async () => {
  const { email, user, session } = await signedUp({ city: 'Köln' })
  assert.equal(session.token_type, 'bearer')
  assert.equal(user.email, email)
  assert.deepEqual([user.aud, user.role, user.is_anonymous, user.phone], ['authenticated', 'authenticated', false, ''])
  assert.deepEqual(user.user_metadata, { city: 'Köln' })
  assert.deepEqual(user.app_metadata, { provider: 'email', providers: ['email'] })
  assert.equal(user.identities[0].provider, 'email')
  assert.ok(user.email_confirmed_at)
})

test('a password signs in, and a wrong one and an unknown e-mail are refused alike', async () => {
  const { email } = await signedUp()
  const supabase = client()
  const { session, user } = good(await supabase.auth.signInWithPassword({ email, password }))
  assert.equal(user.email, email)
  assert.equal(good(await supabase.auth.getUser()).user.id, user.id)
  assert.equal(good(await client().auth.getUser(session.access_token)).user.id, user.id)
  for (const wrong of [{ email, password: 'wrong' }, { email: newEmail(), password }, { email, password: '' }])
    refused(await client().auth.signInWithPassword(wrong), 'invalid_credentials', 400)
})

test('what cannot be signed up is refused with the words of the client', async () => {
  const { email } = await signedUp()
  refused(await client().auth.signUp({ email: email.toUpperCase(), password }), 'user_already_exists', 422)
  const weak = refused(await client().auth.signUp({ email: newEmail(), password: 'short' }), 'weak_password', 422)
  assert.equal(weak.name, 'AuthWeakPasswordError')
  assert.deepEqual(weak.reasons, ['length'])
  refused(await client().auth.signUp({ email: 'no-at-sign', password }), 'validation_failed', 400)
  refused(await client().auth.signUp({ phone: '+4912345', password }), 'phone_provider_disabled', 422)
  refused(await client().auth.signInAnonymously(), 'anonymous_provider_disabled', 422)
})

test('a refresh rotates; the token of before serves 10 seconds longer, and after that ends all', async () => {
  const { supabase, session } = await signedUp()
  const first = good(await supabase.auth.refreshSession()).session
  assert.notEqual(first.refresh_token, session.refresh_token)
  const raced = good(await client().auth.refreshSession({ refresh_token: session.refresh_token })).session
  assert.ok(raced.access_token)
  refused(await client().auth.refreshSession({ refresh_token: 'nonsense' }), 'refresh_token_not_found', 400)
  await sleep(10_500)
  refused(await client().auth.refreshSession({ refresh_token: session.refresh_token }), 'refresh_token_already_used', 400)
  refused(await client().auth.refreshSession({ refresh_token: raced.refresh_token }), 'refresh_token_not_found', 400)
})

test('the client refreshes by itself when its token is about to end', async () => {
  const { session } = await signedUp()
  const kept = new Map()
  const supabase = new AuthClient({ url: `${base}/auth/v1`, headers: { apikey: 'anon' }, autoRefreshToken: true,
    storage: { getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => kept.set(k, v), removeItem: (k) => kept.delete(k) } })
  const refreshed = []
  supabase.onAuthStateChange((event, s) => event === 'TOKEN_REFRESHED' && refreshed.push(s))
  await supabase.initialize()
  good(await supabase.setSession(session))
  const stored = [...kept].find(([, v]) => v.includes('access_token'))
  kept.set(stored[0], JSON.stringify({ ...JSON.parse(stored[1]), expires_at: Math.floor(Date.now() / 1000) + 20 }))
  await supabase.startAutoRefresh()
  await becomes(() => refreshed, ([next]) => next && next.refresh_token !== session.refresh_token)
  assert.equal(good(await supabase.getUser()).user.id, session.user.id)
  await supabase.stopAutoRefresh()
})

test('updateUser merges data and changes the password, which ends all other sessions', async () => {
  const { supabase, email } = await signedUp({ a: 1, b: 2 })
  const other = client()
  good(await other.auth.signInWithPassword({ email, password }))
  assert.deepEqual(good(await supabase.auth.updateUser({ data: { b: null, c: 3 } })).user.user_metadata, { a: 1, c: 3 })
  refused(await supabase.auth.updateUser({ password: 'short' }), 'weak_password', 422)
  good(await supabase.auth.updateUser({ password: 'another long password' }))
  refused(await client().auth.signInWithPassword({ email, password }), 'invalid_credentials', 400)
  good(await client().auth.signInWithPassword({ email, password: 'another long password' }))
  await becomes(() => other.auth.getUser(), ({ error }) => error?.name === 'AuthSessionMissingError')
  good(await supabase.auth.getUser())
})

test('without a mail server a new e-mail counts at once', async () => {
  const { supabase } = await signedUp()
  const email = newEmail()
  assert.equal(good(await supabase.auth.updateUser({ email })).user.email, email)
  good(await client().auth.signInWithPassword({ email, password }))
  const taken = await signedUp()
  refused(await supabase.auth.updateUser({ email: taken.email }), 'email_exists', 422)
})

test('signOut ends this session, the others, or all', async () => {
  const { supabase: first, email } = await signedUp()
  const second = client(), third = client()
  for (const one of [second, third]) good(await one.auth.signInWithPassword({ email, password }))
  const tokens = await Promise.all([first, second, third].map(async (c) => good(await c.auth.getSession()).session.access_token))
  const alive = async (i) => (await raw('GET', '/user', undefined, { authorization: `Bearer ${tokens[i]}` })).status === 200
  const gone = (i) => becomes(() => alive(i), (yes) => !yes)
  assert.equal((await third.auth.signOut({ scope: 'local' })).error, null)
  await gone(2)
  assert.ok(await alive(0) && await alive(1))
  assert.equal((await first.auth.signOut({ scope: 'others' })).error, null)
  await gone(1)
  assert.ok(await alive(0))
  assert.equal((await first.auth.signOut()).error, null)
  await gone(0)
  const { json } = await raw('GET', '/user', undefined,
    { authorization: `Bearer ${tokens[0]}`, 'x-supabase-api-version': '2024-01-01' })
  assert.equal(json.code, 'session_not_found')
  const ended = await client().auth.getUser(tokens[0])
  assert.equal(ended.error.name, 'AuthSessionMissingError')
})

test('a credential that is none, and none at all, are told apart', async () => {
  refused(await client().auth.getUser('not.a.token'), 'bad_jwt', 403)
  assert.equal((await raw('GET', '/user')).json.error_code, 'no_authorization')
  assert.deepEqual((await raw('GET', '/user', undefined, { authorization: 'Bearer x' })).json.code, 403)
})

test('a service key manages users', async () => {
  const email = newEmail()
  const { user } = good(await admin.createUser({ email, password, email_confirm: true,
    user_metadata: { name: 'Ada' }, app_metadata: { plan: 'free' } }))
  assert.deepEqual([user.email, user.user_metadata, user.app_metadata], [email, { name: 'Ada' }, { plan: 'free' }])
  refused(await admin.createUser({ email, password }), 'email_exists', 422)
  good(await client().auth.signInWithPassword({ email, password }))
  assert.equal(good(await admin.getUserById(user.id)).user.email, email)
  const changed = good(await admin.updateUserById(user.id, { app_metadata: { plan: 'paid' }, password: 'quite another one' })).user
  assert.deepEqual(changed.app_metadata, { plan: 'paid' })
  good(await client().auth.signInWithPassword({ email, password: 'quite another one' }))
  good(await admin.updateUserById(user.id, { ban_duration: '24h' }))
  refused(await client().auth.signInWithPassword({ email, password: 'quite another one' }), 'user_banned', 403)
  good(await admin.updateUserById(user.id, { ban_duration: 'none' }))
  good(await client().auth.signInWithPassword({ email, password: 'quite another one' }))
  good(await admin.deleteUser(user.id))
  refused(await admin.getUserById(user.id), 'user_not_found', 404)
  refused(await client().auth.signInWithPassword({ email, password: 'quite another one' }), 'invalid_credentials', 400)
})

test('users are listed by the page, with totals and links', async () => {
  for (let i = 0; i < 3; ++i) await signedUp()
  const page = good(await admin.listUsers({ page: 1, perPage: 2 }))
  assert.equal(page.users.length, 2)
  assert.ok(page.total >= 4)
  assert.equal(page.nextPage, 2)
  const second = good(await admin.listUsers({ page: 2, perPage: 2 }))
  assert.notEqual(second.users[0].id, page.users[0].id)
  assert.ok(good(await admin.listUsers()).users.length >= 4)
})

test('who is no admin manages nobody', async () => {
  const { supabase, session } = await signedUp()
  refused(await client(session.access_token).auth.admin.listUsers(), 'not_admin', 403)
  refused(await client('an anon key').auth.admin.listUsers(), 'bad_jwt', 403)
  refused(await supabase.auth.admin.createUser({ email: newEmail() }), 'bad_jwt', 403)
})

test('generateLink makes what a mail would have, also without a mail server', async () => {
  const email = newEmail()
  const { properties, user } = good(await admin.generateLink({ type: 'signup', email, password, options: { data: { a: 1 } } }))
  assert.deepEqual([user.email, user.user_metadata, properties.verification_type], [email, { a: 1 }, 'signup'])
  assert.match(properties.email_otp, /^\d{6}$/)
  refused(await admin.generateLink({ type: 'signup', email, password }), 'email_exists', 422)
  const byCode = client()
  assert.equal(good(await byCode.auth.verifyOtp({ email, token: properties.email_otp, type: 'signup' })).user.email, email)
  good(await client().auth.signInWithPassword({ email, password }))

  const recovery = good(await admin.generateLink({ type: 'recovery', email })).properties
  const byHash = client()
  assert.equal(good(await byHash.auth.verifyOtp({ token_hash: recovery.hashed_token, type: 'recovery' })).session.user.email, email)
  refused(await client().auth.verifyOtp({ token_hash: recovery.hashed_token, type: 'recovery' }), 'otp_expired', 403)
  good(await byHash.auth.updateUser({ password: 'chosen after the link' }))
  good(await client().auth.signInWithPassword({ email, password: 'chosen after the link' }))

  const magic = good(await admin.generateLink({ type: 'magiclink', email })).properties
  good(await client().auth.verifyOtp({ token_hash: magic.hashed_token, type: 'email' }))
  const moved = newEmail()
  const change = good(await admin.generateLink({ type: 'email_change_new', email, newEmail: moved })).properties
  assert.equal(good(await client().auth.verifyOtp({ token_hash: change.hashed_token, type: 'email_change' })).user.email, moved)
  refused(await admin.generateLink({ type: 'recovery', email: newEmail() }), 'user_not_found', 404)
})

test('what needs a mail says that no mails are sent', async () => {
  const { email } = await signedUp()
  for (const ask of [() => client().auth.resetPasswordForEmail(email), () => client().auth.signInWithOtp({ email }),
    () => client().auth.resend({ type: 'signup', email }), () => admin.inviteUserByEmail(newEmail())])
    refused(await ask(), 'email_provider_disabled', 422)
})

test('settings, health and keys are there for anyone', async () => {
  const { json: settings } = await raw('GET', '/settings')
  assert.deepEqual([settings.external.email, settings.disable_signup, settings.mailer_autoconfirm], [true, false, true])
  assert.equal((await raw('GET', '/health')).json.name, 'Troupe')
  const { json, headers } = await raw('GET', '/.well-known/jwks.json')
  assert.ok(json.keys.length >= 1)
  assert.match(headers.get('cache-control'), /max-age=600/)
})
