// Goal: people manage their account, sessions and keys, admins manage people, organisations have
// members, and every such act leaves an audit record. Method: plain HTTP, as a console would ask.
import test from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { account, call, sleep } from './support.mjs'

const get = (path, token) => call('GET', path, undefined, token)
const login = (email, password) => call('POST', '/v1/auth/login', { email, password }, null)
const newKey = async (body, token) => {
  const { status, json } = await call('POST', '/v1/auth/keys', body, token)
  assert.equal(status, 201, JSON.stringify(json))
  return json
}
/** Until the answer has this status: what one node knows others learn within five seconds. */
const becomes = async (status, ask) => {
  for (let i = 0; i < 60; ++i) {
    if ((await ask()).status === status) return
    await sleep(100)
  }
  assert.equal((await ask()).status, status)
}

test('a key may not take over the account that it belongs to', async () => {
  const made = await account()
  const owned = await newKey({ name: 'k' }, made.access_token)
  const patch = (body, token) => call('PATCH', '/v1/auth/me', body, token)
  for (const body of [{ email: `${randomUUID()}@example.org` }, { password: 'another one', current_password: 'x' }])
    assert.equal((await patch(body, owned.key)).status, 403)
  assert.equal((await patch({ name: 'Ada' }, owned.key)).status, 200)
})

test('metadata is bounded in all, not only in a change', async () => {
  const made = await account()
  const part = (name) => ({ user_metadata: { [name]: 'x'.repeat(9000) } })
  assert.equal((await call('PATCH', '/v1/auth/me', part('a'), made.access_token)).status, 200)
  const { status, json } = await call('PATCH', '/v1/auth/me', part('b'), made.access_token)
  assert.deepEqual([status, json.error.param], [400, 'user_metadata'])
})

test('an account changes its name, metadata and e-mail', async () => {
  const made = await account()
  const patch = (body) => call('PATCH', '/v1/auth/me', body, made.access_token)
  const email = `${randomUUID()}@example.org`
  const { status, json } = await patch({ name: 'Ada', email, user_metadata: { city: 'Köln', old: 1 } })
  assert.equal(status, 200)
  assert.deepEqual([json.name, json.email, json.user_metadata], ['Ada', email, { city: 'Köln', old: 1 }])
  assert.equal(json.email_confirmed_at, undefined)
  assert.deepEqual((await patch({ user_metadata: { old: null } })).json.user_metadata, { city: 'Köln' })
  assert.equal((await patch({ email: 'no-at-sign' })).json.error.param, 'email')
  assert.equal((await patch({ user_metadata: [] })).json.error.param, 'user_metadata')
  const other = await account()
  const taken = await patch({ email: other.email.toUpperCase() })
  assert.deepEqual([taken.status, taken.json.error.param], [409, 'email'])
  assert.equal((await login(email, made.password)).status, 200)
})

test('a new password wants the old one and ends all other sessions', async () => {
  const made = await account()
  const { json: second } = await login(made.email, made.password)
  const patch = (body) => call('PATCH', '/v1/auth/me', body, made.access_token)
  const wrong = await patch({ password: 'another long one', current_password: 'wrong' })
  assert.deepEqual([wrong.status, wrong.json.error.param], [400, 'current_password'])
  assert.equal((await patch({ password: 'another long one', current_password: made.password })).status, 200)
  assert.equal((await login(made.email, made.password)).status, 401)
  assert.equal((await login(made.email, 'another long one')).status, 200)
  assert.equal((await get('/v1/auth/me', made.access_token)).status, 200)
  await becomes(401, () => get('/v1/auth/me', second.access_token))
})

test('sessions are listed and ended: one, the others, all', async () => {
  const made = await account()
  const sessions = [made]
  for (let i = 0; i < 3; ++i) sessions.push((await login(made.email, made.password)).json)
  const me = sessions[0].access_token
  const { json: list } = await get('/v1/auth/sessions', me)
  assert.equal(list.data.length, 4)
  assert.deepEqual(list.data.map((s) => s.current), [false, false, false, true])
  assert.equal(list.data[0].method, 'password')
  const gone = await call('DELETE', `/v1/auth/sessions/${list.data[0].id}`, undefined, me)
  assert.deepEqual(gone.json, { id: list.data[0].id, object: 'session.deleted', deleted: true })
  await becomes(401, () => get('/v1/auth/me', sessions[3].access_token))
  assert.equal((await call('DELETE', `/v1/auth/sessions/${randomUUID()}`, undefined, me)).status, 404)
  const stranger = await account()
  assert.equal((await call('DELETE', `/v1/auth/sessions/${list.data[3].id}`, undefined, stranger.access_token)).status, 404)
  assert.equal((await call('POST', '/v1/auth/logout', { scope: 'others' }, me)).status, 204)
  await becomes(401, () => get('/v1/auth/me', sessions[1].access_token))
  assert.equal((await get('/v1/auth/me', me)).status, 200)
  assert.equal((await call('POST', '/v1/auth/logout', { scope: 'everywhere' }, me)).json.error.param, 'scope')
  assert.equal((await call('POST', '/v1/auth/logout', { scope: 'global' }, me)).status, 204)
  await becomes(401, () => get('/v1/auth/me', me))
  assert.equal((await call('POST', '/v1/auth/refresh', { refresh_token: made.refresh_token }, null)).status, 401)
})

test('a key has scopes, an end and a last use', async () => {
  const { access_token: token } = await account()
  const reader = await newKey({ name: 'reader', scopes: ['logs:read'] }, token)
  assert.equal((await get('/v1/logs', reader.key)).status, 200)
  const refused = await call('POST', '/v1/logs', { level: 'info', service: 's', message: 'm' }, reader.key)
  assert.deepEqual([refused.status, refused.json.error.code], [403, 'insufficient_scope'])
  assert.equal((await get('/v1/auth/sessions', reader.key)).status, 403)
  const bad = await call('POST', '/v1/auth/keys', { name: 'x', scopes: ['logs:read', 'root'] }, token)
  assert.equal(bad.json.error.param, 'scopes[1]')
  const admin = await call('POST', '/v1/auth/keys', { name: 'x', scopes: ['admin'] }, token)
  assert.equal(admin.status, 403)
  const short = await newKey({ name: 'short', expires_in: 1 }, token)
  assert.equal((await get('/v1/auth/me', short.key)).status, 200)
  await becomes(401, () => get('/v1/auth/me', short.key))
  const { json: list } = await get('/v1/auth/keys', token)
  const listed = list.data.find((k) => k.id === reader.id)
  assert.deepEqual([listed.scopes, listed.key], [['logs:read'], undefined])
  assert.ok(Math.abs(listed.last_used_at - Date.now() / 1000) < 120)
})

test('a key of few scopes makes none with more', async () => {
  const { access_token: token } = await account()
  const narrow = await newKey({ name: 'narrow', scopes: ['account', 'chat'] }, token)
  const make = (scopes) => call('POST', '/v1/auth/keys', { name: 'x', ...(scopes && { scopes }) }, narrow.key)
  assert.equal((await make(['chat'])).status, 201)
  assert.equal((await make(['logs:read'])).json.error.param, 'scopes')
  assert.equal((await make()).status, 403)
  const wide = await newKey({ name: 'wide' }, token)
  const widen = await call('POST', `/v1/auth/keys/${wide.id}/rotate`, undefined, narrow.key)
  assert.equal(widen.status, 403)
})

test('a rotated key works on for its overlap and then no more', async () => {
  const { access_token: token } = await account()
  const old = await newKey({ name: 'machine', scopes: ['account'] }, token)
  const { status, json: next } = await call('POST', `/v1/auth/keys/${old.id}/rotate`, { overlap: 1 }, token)
  assert.equal(status, 201)
  assert.notEqual(next.key, old.key)
  assert.deepEqual([next.name, next.scopes], ['machine', ['account']])
  assert.equal((await get('/v1/auth/me', next.key)).status, 200)
  await becomes(401, () => get('/v1/auth/me', old.key))
  assert.equal((await get('/v1/auth/me', next.key)).status, 200)
  const renamed = await call('PATCH', `/v1/auth/keys/${next.id}`, { name: 'other', scopes: [] }, token)
  assert.deepEqual([renamed.status, renamed.json.name, renamed.json.scopes], [200, 'other', []])
  assert.equal((await call('PATCH', '/v1/auth/keys/key_none', { name: 'x' }, token)).status, 404)
})

test('admins list, make, change, ban and delete users; nobody else does', async () => {
  const made = await account()
  assert.equal((await get('/v1/admin/users', made.access_token)).status, 403)
  const email = `${randomUUID()}@example.org`
  const { status, json: user } = await call('POST', '/v1/admin/users', { email, password: 'long enough', account_role: 'viewer', app_metadata: { plan: 'free' } })
  assert.equal(status, 201)
  assert.deepEqual([user.account_role, user.app_metadata], ['viewer', { plan: 'free' }])
  assert.equal((await call('POST', '/v1/admin/users', { email })).json.error.param, 'email')
  const { json: found } = await get(`/v1/admin/users?q=${email.slice(0, 20).toUpperCase()}`)
  assert.deepEqual([found.total, found.data[0].id, found.has_more], [1, user.id, false])
  const { json: page } = await get('/v1/admin/users?limit=1&offset=1')
  assert.ok(page.total >= 3 && page.has_more && page.data.length === 1)
  assert.equal((await get('/v1/admin/users?limit=0')).json.error.param, 'limit')

  const { json: viewer } = await login(email, 'long enough')
  assert.equal((await get('/v1/files', viewer.access_token)).status, 200)
  assert.equal((await call('POST', '/v1/vector_stores', { name: 'x' }, viewer.access_token)).status, 403)

  assert.equal((await get('/v1/auth/me', viewer.access_token)).json.email, email)
  const { json: other } = await login(email, 'long enough')
  assert.equal((await call('POST', '/v1/auth/logout', undefined, other.access_token)).status, 204)

  const change = (body) => call('PATCH', `/v1/admin/users/${user.id}`, body)
  assert.equal((await change({ account_role: 'king' })).json.error.param, 'account_role')
  assert.deepEqual((await change({ account_role: 'user', app_metadata: { plan: null, seats: 2 } })).json.app_metadata, { seats: 2 })
  await becomes(401, () => get('/v1/auth/me', viewer.access_token))
  const { json: session } = await login(email, 'long enough')
  const key = await newKey({ name: 'k' }, session.access_token)
  assert.ok((await change({ banned_for: 3600 })).json.banned_until)
  await becomes(403, () => get('/v1/auth/me', key.key))
  const banned = await login(email, 'long enough')
  assert.deepEqual([banned.status, banned.json.error.code], [403, 'user_banned'])
  assert.equal((await change({ banned_for: 0 })).json.banned_until, undefined)
  assert.equal((await login(email, 'long enough')).status, 200)

  assert.equal((await call('POST', `/v1/admin/users/${user.id}/logout`)).status, 204)
  assert.deepEqual((await call('DELETE', `/v1/admin/users/${user.id}`)).json, { id: user.id, object: 'user.deleted', deleted: true })
  assert.equal((await get(`/v1/admin/users/${user.id}`)).status, 404)
  assert.equal((await call('DELETE', `/v1/admin/users/${user.id}`)).status, 404)
  assert.equal((await login(email, 'long enough')).status, 401)
  await becomes(401, () => get('/v1/auth/me', key.key))
})

test('an admin cannot lock out themselves', async () => {
  const { json: me } = await get('/v1/auth/me')
  assert.equal((await call('DELETE', `/v1/admin/users/${me.id}`)).status, 409)
  assert.equal((await call('PATCH', `/v1/admin/users/${me.id}`, { account_role: 'user' })).status, 409)
  assert.equal((await call('PATCH', `/v1/admin/users/${me.id}`, { banned_for: 60 })).status, 409)
})

test('admins make service keys for machines and take them away', async () => {
  const { json: machine } = await call('POST', '/v1/admin/users', { email: `${randomUUID()}@machines.example`, name: 'importer' })
  assert.equal((await login(machine.email, '')).status, 400)
  const key = await newKey({ name: 'importer', scopes: ['logs:write'], user: machine.id })
  assert.equal((await call('POST', '/v1/logs', { level: 'info', service: 's', message: 'm' }, key.key)).status, 201)
  assert.equal((await get(`/v1/auth/keys?user=${machine.id}`)).json.data.length, 1)
  const none = await call('POST', '/v1/auth/keys', { name: 'x', user: randomUUID() })
  assert.deepEqual([none.status, none.json.error.param], [400, 'user'])
  assert.equal((await call('DELETE', `/v1/auth/keys/${key.id}?user=${machine.id}`)).status, 200)
  await becomes(401, () => get('/v1/logs', key.key))
})

test('caps are set and shown by admins', async () => {
  const made = await account()
  const path = `/v1/admin/caps/user:${made.user.id}`
  const { status, json } = await call('PUT', path, { requests_per_minute: 100, usd_per_day: 1.25 })
  assert.equal(status, 200)
  assert.deepEqual((await get(path)).json, json)
  assert.deepEqual([json.requests_per_minute, json.usd_per_day, json.streams], [100, 1.25, 0])
  assert.equal((await call('PUT', '/v1/admin/caps/planet:1', {})).json.error.param, 'subject')
  assert.equal((await call('PUT', path, { streams: -1 })).json.error.param, 'streams')
  assert.equal((await get(path, made.access_token)).status, 403)
})

test('organisations have members with roles, and always an owner', async () => {
  const [ada, bob, eve] = [await account(), await account(), await account()]
  const { status, json: org } = await call('POST', '/v1/organizations', { name: 'Analytical' }, ada.access_token)
  assert.deepEqual([status, org.role, org.object], [201, 'owner', 'organization'])
  const path = `/v1/organizations/${org.id}`
  const put = (who, role, by) => call('PUT', `${path}/members/${who.user.id}`, { role }, by.access_token)
  const remove = (who, by) => call('DELETE', `${path}/members/${who.user.id}`, undefined, by.access_token)
  assert.equal((await get(path, bob.access_token)).status, 404)
  assert.equal((await put(bob, 'king', ada)).json.error.param, 'role')
  assert.equal((await put(bob, 'member', ada)).status, 204)
  assert.equal((await get(path, bob.access_token)).json.role, 'member')
  assert.equal((await put(eve, 'member', bob)).status, 403)
  assert.equal((await put(bob, 'admin', ada)).status, 204)
  assert.equal((await put(eve, 'member', bob)).status, 204)
  assert.equal((await put(eve, 'owner', bob)).status, 403)
  assert.equal((await remove(ada, bob)).status, 403)
  assert.equal((await remove(ada, ada)).status, 409)
  assert.equal((await remove(eve, eve)).status, 200)
  const { json: members } = await get(`${path}/members`, bob.access_token)
  assert.deepEqual(members.data.map((m) => [m.email, m.role]), [[ada.email, 'owner'], [bob.email, 'admin']])
  assert.equal((await call('PATCH', path, { name: 'Engines' }, bob.access_token)).json.name, 'Engines')
  assert.equal((await call('DELETE', path, undefined, bob.access_token)).status, 403)
  const key = await newKey({ name: 'o', organization: org.id }, bob.access_token)
  assert.equal(key.organization, org.id)
  const foreign = await call('POST', '/v1/auth/keys', { name: 'o', organization: org.id }, eve.access_token)
  assert.equal(foreign.json.error.param, 'organization')
  assert.deepEqual((await get('/v1/organizations', bob.access_token)).json.data.map((o) => o.id), [org.id])
  assert.ok((await get('/v1/organizations?all=true')).json.data.some((o) => o.id === org.id))
  assert.equal((await call('DELETE', path, undefined, ada.access_token)).json.deleted, true)
  assert.deepEqual((await get('/v1/organizations', bob.access_token)).json.data, [])
})

test('a new signing key signs, and tokens of the old one hold on', async () => {
  const made = await account()
  const keySet = async () => (await call('GET', '/.well-known/jwks.json', undefined, null))
  const kid = (token) => JSON.parse(Buffer.from(token.split('.')[0], 'base64url')).kid
  const verify = async (token) => {
    const { keys } = (await keySet()).json
    const jwk = keys.find((k) => k.kid === kid(token))
    const [head, body, signature] = token.split('.')
    const algorithm = { name: 'Ed25519' }
    const key = await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['verify'])
    return crypto.subtle.verify(algorithm, key, Buffer.from(signature, 'base64url'), Buffer.from(`${head}.${body}`))
  }
  const set = await keySet()
  assert.equal(set.headers.get('cache-control'), 'public, max-age=600')
  assert.ok(!set.text.includes('"d"'))
  assert.ok(await verify(made.access_token))
  const before = kid(made.access_token)
  const rotated = await call('POST', '/v1/admin/signing-keys/rotate')
  assert.equal(rotated.status, 201)
  let next
  for (let i = 0; i < 300; ++i, await sleep(100)) {
    next = (await login(made.email, made.password)).json
    if (kid(next.access_token) !== before) break
  }
  assert.notEqual(kid(next.access_token), before)
  assert.ok(await verify(next.access_token))
  assert.ok(await verify(made.access_token))
  for (const token of [made.access_token, next.access_token])
    assert.equal((await get('/v1/auth/me', token)).status, 200)
  const claims = JSON.parse(Buffer.from(next.access_token.split('.')[1], 'base64url'))
  assert.deepEqual([claims.aud, claims.role, claims.email, claims.session_id], ['authenticated', 'authenticated', made.email, claims.sid])
  assert.equal((await call('POST', '/v1/admin/signing-keys/rotate', undefined, made.access_token)).status, 403)
})

test('security events are in the audit trail, for admins', async () => {
  const made = await account()
  await login(made.email, 'not the password')
  await newKey({ name: 'k' }, made.access_token)
  let events = []
  for (let i = 0; i < 50 && events.length < 3; ++i, await sleep(100)) {
    const { json } = await get('/v1/logs?user=audit&service=audit&limit=200')
    events = json.data.filter((r) => r.attributes.user === made.user.id)
  }
  assert.deepEqual(events.map((r) => [r.message, r.level]), [
    ['keys.created', 'info'], ['auth.login_failed', 'warn'], ['auth.register', 'info']])
  assert.equal(events[0].attributes.by, made.user.id)
  assert.ok(!JSON.stringify(events).includes(made.password))
  assert.ok(!(await get('/v1/logs?user=audit', made.access_token)).json.data.some((r) => r.service === 'audit'))
})
