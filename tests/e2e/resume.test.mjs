// Goal: a resumable stream outlives its client: who comes back with the id of the last event that
// it saw gets what follows, each event once; a stop ends it; others cannot read it. Method: a client
// hangs up in mid-stream and asks again; the simulator counts its requests.
import test from 'node:test'
import assert from 'node:assert/strict'
import { account, base, call, key, simGet, simRequest, sleep, unique, user } from './support.mjs'

const tokens = 30
const completion = (text, more = {}) =>
  ({ model: 'sim-count', messages: user(text), stream: true, max_tokens: tokens, resumable: true, ...more })

/// Opens a stream: {status, headers, events, body}; `until(events)` ends the reading, by a hang-up.
const read = async (method, path, body, headers = {}, until = () => false, token = key) => {
  const stop = new AbortController()
  const res = await fetch(base + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body: body && JSON.stringify(body),
    signal: stop.signal,
  })
  const events = []
  let text = ''
  try {
    for await (const piece of res.body.pipeThrough(new TextDecoderStream())) {
      text += piece
      for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
        const event = {}
        for (const line of text.slice(0, end).split('\n')) {
          const colon = line.indexOf(': ')
          if (colon > 0) event[line.slice(0, colon)] = line.slice(colon + 2)
        }
        if (event.data) events.push(event)
      }
      if (until(events)) stop.abort()
    }
  } catch (e) {
    if (e.name !== 'AbortError') throw e
  }
  return { status: res.status, headers: res.headers, events, text }
}

const saidBy = (events) => events.filter((e) => e.data !== '[DONE]').map((e) => JSON.parse(e.data))
  .map((d) => d.text ?? d.choices?.[0]?.delta?.content ?? '').join('')
const whole = (text, count) => Array.from({ length: count }, (_, n) => `${text}:${n}`).join(' ')
const asked = async (text) => (await simGet('/sim/connections')).filter((r) => r.text === text).length

test('events of a resumable stream have ids, those of others have none', async () => {
  const { headers, events } = await read('POST', '/v1/chat/completions', completion(unique('ids')))
  const stream = headers.get('x-stream-id')
  assert.match(stream, /^strm_[0-9a-f]{48}$/)
  const numbered = events.filter((e) => e.data !== '[DONE]')
  assert.deepEqual(numbered.map((e) => e.id), numbered.map((_, n) => `${stream}:${n + 1}`))
  const plain = await read('POST', '/v1/chat/completions', completion(unique('plain'), { resumable: undefined }))
  assert.equal(plain.headers.get('x-stream-id'), null)
  assert.ok(plain.events.every((e) => e.id === undefined))
})

const turn = (text) => ({ model: 'sim-count', message: text, vector_store_ids: [], resumable: true })
const routes = [
  ['POST', '/v1/chat/completions', completion, tokens, (end) => end.data === '[DONE]'],
  ['POST', '/v1/chat/stream', turn, 40, (end) => end.event === 'done'],
]
for (const [method, path, body, count, isLast] of routes) {
  test(`${path}: who comes back gets what follows, each event once`, async () => {
    const text = unique('back')
    const first = await read(method, path, body(text), {}, (events) => events.length >= 8)
    const seen = first.events.slice(0, 8)
    await sleep(300) // it goes on meanwhile
    const rest = await read(method, path, body(text), { 'last-event-id': seen[7].id })
    assert.equal(rest.status, 200)
    const stream = first.headers.get('x-stream-id')
    assert.equal(rest.headers.get('x-stream-id'), stream)
    const numbered = rest.events.filter((e) => e.id)
    assert.deepEqual(numbered.map((e) => e.id), numbered.map((_, n) => `${stream}:${n + 9}`))
    assert.ok(isLast(rest.events.at(-1)), JSON.stringify(rest.events.at(-1)))
    assert.equal(saidBy([...seen, ...numbered]), whole(text, count))
    assert.equal(await asked(text), 1, 'the provider was asked once')
    const again = await read(method, path, body(text), { 'last-event-id': seen[7].id })
    assert.equal(saidBy(again.events), saidBy(rest.events), 'it is kept for a while after its end')
  })
}

test('GET /v1/chat/stream continues as EventSource does', async () => {
  const first = await read('POST', '/v1/chat/stream', turn(unique('get')), {}, (events) => events.length >= 3)
  const rest = await read('GET', '/v1/chat/stream', undefined, { 'last-event-id': first.events[2].id })
  assert.equal(rest.events.at(-1).event, 'done')
  assert.ok(rest.events[0].id.endsWith(':4'))
})

test('the last reader counts', async () => {
  const text = unique('two')
  let id
  const first = read('POST', '/v1/chat/completions', completion(text), {}, (events) => { id = events[0]?.id; return false })
  while (!id) await sleep(10)
  const second = await read('POST', '/v1/chat/completions', {}, { 'last-event-id': id })
  const end = JSON.parse((await first).events.at(-1).data)
  assert.equal(end.error.type, 'conflict_error')
  assert.equal(end.error.last_event_id.split(':')[0], id.split(':')[0])
  assert.equal(second.events.at(-1).data, '[DONE]')
})

test('a stop ends it for all, down to the provider', async () => {
  const text = unique('stop')
  let id
  const reading = read('POST', '/v1/chat/completions', completion(text, { max_tokens: 500 }), {}, (events) => { id = events[3]?.id; return false })
  while (!id) await sleep(10)
  const stream = id.split(':')[0]
  const stopped = await call('POST', `/v1/chat/stream/${stream}/cancel`)
  assert.equal(stopped.status, 200, stopped.text)
  assert.equal(stopped.json.status, 'cancelled')
  const end = JSON.parse((await reading).events.at(-1).data)
  assert.equal(end.error.code, 'cancelled')
  assert.equal(end.error.started, 'yes')
  assert.equal(end.error.events, stopped.json.events)
  await simRequest(text, (r) => r.closed !== null)
})

test("another's stream does not exist", async () => {
  const first = await read('POST', '/v1/chat/completions', completion(unique('mine')), {}, (events) => events.length >= 2)
  const { access_token: other } = await account()
  const res = await read('POST', '/v1/chat/completions', {}, { 'last-event-id': first.events[1].id }, undefined, other)
  assert.equal(res.status, 404)
  assert.equal((await call('POST', `/v1/chat/stream/${first.headers.get('x-stream-id')}/cancel`, undefined, other)).status, 404)
})

test('what is not the id of an event of this kind of stream is refused', async () => {
  const resume = async (path, id) => read('POST', path, {}, { 'last-event-id': id })
  assert.equal((await resume('/v1/chat/completions', 'nonsense')).status, 400)
  const first = await read('POST', '/v1/chat/completions', completion(unique('kind')), {}, (events) => events.length >= 2)
  const id = first.events[1].id
  assert.equal((await resume('/v1/chat/stream', id)).status, 404, 'the other dialect')
  assert.equal((await resume('/v1/chat/completions', `${id.split(':')[0]}:9999`)).status, 404, 'not said yet')
  const plain = await call('POST', '/v1/chat/completions', { model: 'sim', messages: user('x'), resumable: true })
  assert.equal(plain.status, 400)
  assert.equal(plain.json.error.param, 'resumable')
})

test('the provider does not hear of it', async () => {
  const text = unique('body')
  await read('POST', '/v1/chat/completions', completion(text))
  const last = JSON.stringify(await simGet('/sim/last'))
  assert.ok(last.includes(text))
  assert.ok(!last.includes('resumable'))
})
