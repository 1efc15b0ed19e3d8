// Goal: whatever a provider does, the client gets the truth: its own status before the first token,
// an error event after it, never an invented stop. Method: the simulator's ill models.
import test from 'node:test'
import assert from 'node:assert/strict'
import { call, client, stream, user } from './support.mjs'

const ask = (model, streamed) => stream('/v1/chat/completions', { model, messages: user('one two three four'), stream: streamed })

for (const streamed of [false, true]) {
  const how = streamed ? 'streamed' : 'plain'

  test(`a provider's 429 keeps its status, its words and Retry-After, ${how}`, async () => {
    const { status, headers, json } = await ask('sim-429', streamed)
    assert.equal(status, 429)
    assert.equal(headers.get('retry-after'), '7')
    assert.match(json.error.message, /Rate limit reached/)
  })

  test(`a provider's 500 keeps its status, ${how}`, async () => {
    const { status, json } = await ask('sim-500', streamed)
    assert.equal(status, 500)
    assert.match(json.error.message, /had an error/)
  })
}

test('a plain answer that breaks off or is no JSON is a 502', async () => {
  for (const model of ['sim-break', 'sim-badjson', 'sim-early-error']) {
    const { status, json } = await ask(model, false)
    assert.equal(status, 502, model)
    assert.equal(typeof json.error.message, 'string')
  }
})

test('a stream that fails after its status ends in an error event', async () => {
  for (const model of ['sim-break', 'sim-badjson', 'sim-early-error', 'sim-late-error']) {
    const { status, events } = await ask(model, true)
    if (model === 'sim-early-error' && status !== 200) {
      assert.equal(status, 502, model)
      continue
    }
    assert.equal(status, 200, model)
    const last = JSON.parse(events.at(-1).data)
    assert.equal(typeof last.error?.message, 'string', `${model}: ${events.at(-1).data}`)
    for (const { data } of events.slice(0, -1)) assert.equal(JSON.parse(data).choices[0].finish_reason, null, model)
  }
})

test('the official client throws on a broken stream', async () => {
  let text = ''
  await assert.rejects(async () => {
    for await (const c of await client.chat.completions.create({ model: 'sim-break', messages: user('one two three'), stream: true }))
      text += c.choices[0]?.delta.content ?? ''
  })
  assert.equal(text, 'You said:')
})

test('/v1/chat/stream ends a broken answer with an error event and no done', async () => {
  const { status, events } = await stream('/v1/chat/stream', { message: 'one two three', model: 'sim-break' })
  assert.equal(status, 200)
  assert.equal(events.at(-1).event, 'error')
  assert.ok(JSON.parse(events.at(-1).data).error)
  assert.ok(events.every((e) => e.event !== 'done'))
})

test('a provider that stalls after its headers is given up, with an error event', async () => {
  const { status, events } = await ask('sim-stall', true) // the run script sets a stall time-out of 2 s
  assert.equal(status, 200)
  assert.ok(JSON.parse(events.at(-1).data).error)
})

test('a provider that never answers is given up, and the failure is no success', async () => {
  const plain = await ask('sim-silent', false)
  assert.ok([502, 504].includes(plain.status), `${plain.status}`)
  const streamed = await ask('sim-silent', true)
  if (streamed.status === 200) assert.ok(JSON.parse(streamed.events.at(-1).data).error) // headers go out after 2 s
  else assert.ok([502, 504].includes(streamed.status), `${streamed.status}`)
})

