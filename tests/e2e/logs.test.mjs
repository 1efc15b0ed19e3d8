// Goal: logs go in all or none, come out filtered and page by page, and every chat leaves one.
// Method: a service name of its own for each test.
import test from 'node:test'
import assert from 'node:assert/strict'
import { account, call, sleep, stream, unique, user } from './support.mjs'

const append = (body, token) => call('POST', '/v1/logs', body, token)
const list = async (query, token) => {
  const res = await call('GET', `/v1/logs?${new URLSearchParams(query)}`, undefined, token)
  assert.equal(res.status, 200, res.text)
  return res.json
}

test('one record is answered with itself, many with data', async () => {
  const service = unique('one')
  const one = await append({ level: 'warn', service, message: 'first', attributes: { n: 1, deep: { a: [null] } } })
  assert.equal(one.status, 201)
  assert.deepEqual([one.json.level, one.json.service, one.json.message], ['warn', service, 'first'])
  assert.deepEqual(one.json.attributes, { n: 1, deep: { a: [null] } })
  assert.ok(one.json.id && !Number.isNaN(Date.parse(one.json.time)))
  const many = await append(['a', 'b'].map((message) => ({ level: 'info', service, message })))
  assert.deepEqual(many.json.data.map((r) => r.message), ['a', 'b'])
  assert.equal(new Set([one.json.id, ...many.json.data.map((r) => r.id)]).size, 3)
})

test('a batch with one bad record is refused whole', async () => {
  const service = unique('batch')
  const bad = [{ level: 'info', service, message: 'good' }, { level: 'loud', service, message: 'bad' }]
  const refused = await append(bad)
  assert.equal(refused.status, 400)
  assert.match(refused.json.error.param, /1/)
  assert.equal((await list({ service })).data.length, 0)
  assert.ok([400, 413].includes((await append(Array.from({ length: 1001 }, () => bad[0]))).status))
  for (const body of [{ service, message: 'no level' }, { level: 'info', message: 'no service' }, { level: 'info', service }, [], 'x', 7])
    assert.equal((await append(body)).status, 400, JSON.stringify(body))
  assert.equal((await list({ service })).data.length, 0)
})

test('pages are newest first, without a gap or a double, while records are added', async () => {
  const service = unique('pages')
  await append(Array.from({ length: 95 }, (_, i) => ({ level: i % 10 ? 'info' : 'error', service, message: `line ${i}` })))
  const seen = []
  let cursor
  do {
    const page = await list({ service, limit: 10, ...(cursor && { cursor }) })
    assert.ok(page.data.length <= 10)
    seen.push(...page.data)
    assert.equal(page.has_more, page.next_cursor !== null)
    cursor = page.next_cursor
    if (seen.length === 30) await append({ level: 'info', service, message: 'meanwhile' })
  } while (cursor)
  assert.deepEqual(seen.map((r) => r.message), Array.from({ length: 95 }, (_, i) => `line ${94 - i}`))
})

test('filters: level, words, since and until', async () => {
  const service = unique('filter')
  const at = (minute) => `2026-01-02T03:0${minute}:00Z`
  await append([0, 1, 2, 3].map((m) => ({ level: m === 3 ? 'error' : 'info', service, message: `Disk ${m} is full`, time: at(m) })))
  const messages = async (query) => (await list({ service, ...query })).data.map((r) => r.message)
  assert.deepEqual(await messages({ level: 'error' }), ['Disk 3 is full'])
  assert.deepEqual(await messages({ q: 'FULL 2' }), ['Disk 2 is full'])
  assert.deepEqual(await messages({ q: 'full nothing' }), [])
  assert.deepEqual(await messages({ since: at(1), until: at(3) }), ['Disk 2 is full', 'Disk 1 is full'])
  for (const bad of [{ limit: 0 }, { limit: 1001 }, { level: 'loud' }, { since: 'yesterday' }, { cursor: 'nonsense' }])
    assert.equal((await call('GET', `/v1/logs?${new URLSearchParams(bad)}`)).status, 400, JSON.stringify(bad))
})

test('a patch merges attributes and touches nothing else', async () => {
  const { json: made } = await append({ level: 'info', service: unique('patch'), message: 'm', attributes: { keep: 1, drop: 2, deep: { a: 1, b: 2 } } })
  const patched = await call('PATCH', `/v1/logs/${made.id}`, { attributes: { drop: null, deep: { b: 3 }, more: [1] } })
  assert.equal(patched.status, 200)
  assert.deepEqual(patched.json.attributes, { keep: 1, deep: { a: 1, b: 3 }, more: [1] })
  assert.equal(patched.json.message, 'm')
  assert.equal((await call('PATCH', '/v1/logs/no-such-record', { attributes: {} })).status, 404)
})

test('another user\'s records are 404 and in no list; an admin may ask for them', async () => {
  const service = unique('owner')
  const { access_token: token, user: other } = await account()
  const { json: theirs } = await append({ level: 'info', service, message: 'theirs' }, token)
  const { json: mine } = await append({ level: 'info', service, message: 'mine' })
  assert.deepEqual((await list({ service }, token)).data.map((r) => r.id), [theirs.id])
  assert.deepEqual((await list({ service })).data.map((r) => r.id), [mine.id])
  assert.deepEqual((await list({ service, user: other.id })).data.map((r) => r.id), [theirs.id])
  assert.equal((await call('PATCH', `/v1/logs/${mine.id}`, { attributes: {} }, token)).status, 404)
})

test('every chat leaves a record with its tokens and whether they were reported', async () => {
  const { access_token: token, user: who } = await account()
  const ask = (model, streamed) => stream('/v1/chat/completions', { model, messages: user('one two three'), stream: streamed }, token)
  await ask('sim', false)
  await ask('sim', true)
  await ask('extract', false)
  await ask('sim-500', false)
  let records = []
  for (let i = 0; i < 60 && records.length < 4; ++i) {
    await sleep(50)
    records = (await list({ service: 'troupe.prompt', user: who.id })).data
  }
  assert.equal(records.length, 4, JSON.stringify(records))
  assert.ok(records.every((r) => r.message === 'chat.completed'))
  const [failed, extract, streamed, plain] = records.map((r) => JSON.stringify(r.attributes))
  assert.match(plain, /reported/)
  assert.match(streamed, /estimated|reported/)
  assert.match(extract, /"extract"/)
  assert.match(failed, /500|error|failed/)
  for (const { attributes } of records) assert.ok(Object.keys(attributes).some((k) => k.includes('latency')), JSON.stringify(attributes))
})
