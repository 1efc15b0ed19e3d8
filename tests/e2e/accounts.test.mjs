// Goal: accounts work as a front end uses them, and a stolen refresh token is worth nothing after
// its reuse. Method: plain HTTP; one test waits out the 10 s in which a token may be used twice.
import test from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { account, call, sleep } from './support.mjs'

const refresh = (token) => call('POST', '/v1/auth/refresh', { refresh_token: token }, null)

test('register, log in, me, verify', async () => {
  const made = await account()
  assert.equal(made.token_type, 'bearer')
  assert.equal(made.expires_in, 900)
  assert.equal(made.user.email, made.email)
  assert.equal(made.user.admin, false)
  const again = await call('POST', '/v1/auth/register', { email: made.email, password: made.password }, null)
  assert.equal(again.status, 409)
  const login = await call('POST', '/v1/auth/login', { email: made.email, password: made.password }, null)
  assert.equal(login.status, 200)
  assert.ok(!login.text.includes(made.password))
  const me = await call('GET', '/v1/auth/me', undefined, login.json.access_token)
  assert.equal(me.json.id, made.user.id)
  const verified = await call('POST', '/v1/auth/verify', { token: login.json.access_token })
  assert.equal(verified.json.active, true)
  assert.equal(verified.json.sub, made.user.id)
  assert.equal(verified.json.exp - verified.json.iat, 900)
  const claims = JSON.parse(Buffer.from(login.json.access_token.split('.')[1], 'base64url'))
  for (const claim of ['sub', 'sid', 'iat', 'exp']) assert.ok(claim in claims, claim)
})

test('an unknown user and a wrong password are told the same', async () => {
  const { email } = await account()
  const wrong = await call('POST', '/v1/auth/login', { email, password: 'not the password' }, null)
  const unknown = await call('POST', '/v1/auth/login', { email: `${randomUUID()}@example.org`, password: 'not the password' }, null)
  assert.deepEqual([wrong.status, unknown.status], [401, 401])
  assert.equal(wrong.json.error.message, unknown.json.error.message)
})

test('bad registrations are refused and name their field', async () => {
  const email = `${randomUUID()}@example.org`
  for (const [body, param] of [[{ email: 'no-at-sign', password: 'long enough' }, 'email'], [{ email, password: 'short' }, 'password'],
    [{ email, password: 'x'.repeat(1025) }, 'password'], [{ email }, 'password'], [[], null]]) {
    const { status, json } = await call('POST', '/v1/auth/register', body, null)
    assert.ok([400, 422].includes(status), JSON.stringify(body))
    assert.equal(json.error.param, param)
  }
})

test('a token that was tampered with is refused', async () => {
  const { access_token: token } = await account()
  const [head, body, signature] = token.split('.')
  const other = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(body, 'base64url')), sub: 'someone' })).toString('base64url')
  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
  for (const bad of [`${head}.${other}.${signature}`, `${none}.${body}.`, `${head}.${body}.`, `${head}.${body}`, 'x.y.z'])
    assert.equal((await call('GET', '/v1/auth/me', undefined, bad)).status, 401, bad)
})

test('logging out ends the session\'s refresh tokens', async () => {
  const made = await account()
  const next = await refresh(made.refresh_token)
  assert.equal(next.status, 200)
  assert.notEqual(next.json.refresh_token, made.refresh_token)
  assert.equal((await call('POST', '/v1/auth/logout', undefined, next.json.access_token)).status, 204)
  assert.equal((await refresh(next.json.refresh_token)).status, 401)
  const login = await call('POST', '/v1/auth/login', { email: made.email, password: made.password }, null)
  assert.equal(login.status, 200, 'other sessions are not touched')
})

test('a refresh token used again after 10 s revokes its family', async () => {
  const made = await account()
  const other = (await call('POST', '/v1/auth/login', { email: made.email, password: made.password }, null)).json
  const next = (await refresh(made.refresh_token)).json
  const soon = await refresh(made.refresh_token)
  assert.equal(soon.status, 200, 'two tabs at once are no theft')
  await sleep(10_500)
  assert.equal((await refresh(made.refresh_token)).status, 401)
  assert.equal((await refresh(next.refresh_token)).status, 401, 'its descendants are revoked')
  assert.equal((await refresh(soon.json.refresh_token)).status, 401)
  assert.equal((await refresh(other.refresh_token)).status, 200, 'another session is not')
})

test('keys are shown once, work, are listed without themselves, and end when revoked', async () => {
  const { access_token: token, user } = await account()
  const made = await call('POST', '/v1/auth/keys', { name: 'laptop' }, token)
  assert.ok([200, 201].includes(made.status), made.text)
  assert.match(made.json.key, /^tr-/)
  assert.equal((await call('GET', '/v1/auth/me', undefined, made.json.key)).json.id, user.id)
  const listed = await call('GET', '/v1/auth/keys', undefined, token)
  assert.deepEqual(listed.json.data.map((k) => [k.id, k.name]), [[made.json.id, 'laptop']])
  assert.ok(!listed.text.includes(made.json.key))
  const { access_token: stranger } = await account()
  assert.equal((await call('DELETE', `/v1/auth/keys/${made.json.id}`, undefined, stranger)).status, 404)
  assert.equal((await call('DELETE', `/v1/auth/keys/${made.json.id}`, undefined, token)).status, 200)
  const until = Date.now() + 6000 // answers of auth are cached for 5 s
  while ((await call('GET', '/v1/auth/me', undefined, made.json.key)).status !== 401) {
    assert.ok(Date.now() < until, 'a revoked key still works')
    await sleep(200)
  }
})

test('one of two sign-ups of the same address at once wins', async () => {
  const body = { email: `${randomUUID()}@example.org`, password: 'long enough' }
  const both = await Promise.all([body, body].map((b) => call('POST', '/v1/auth/register', b, null)))
  assert.deepEqual(both.map((r) => r.status).sort(), [201, 409])
})
