// Goal: the simulator is a provider that the official client accepts, so that what passes against
// it would pass against a real one. Method: the client talks to the simulator directly.
import test from 'node:test'
import assert from 'node:assert/strict'
import OpenAI from 'openai'
import { sim, user, unique, simGet, simRequest } from './support.mjs'

const client = new OpenAI({ baseURL: `${sim}/v1`, apiKey: 'sk-sim', maxRetries: 0, timeout: 5000 })

test('a plain chat has text, a finish reason and usage', async () => {
  const answer = await client.chat.completions.create({ model: 'sim', messages: user('hello there') })
  assert.equal(answer.choices[0].message.content, 'You said: hello there')
  assert.equal(answer.choices[0].finish_reason, 'stop')
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)
})

test('a stream has a role, the same text, one finish reason and usage at last', async () => {
  const chunks = []
  for await (const c of await client.chat.completions.create({
    model: 'sim', messages: user('hello there'), stream: true, stream_options: { include_usage: true },
  })) chunks.push(c)
  assert.equal(chunks[0].choices[0].delta.role, 'assistant')
  assert.equal(chunks.map((c) => c.choices[0]?.delta.content ?? '').join(''), 'You said: hello there')
  assert.equal(chunks.filter((c) => c.choices[0]?.finish_reason === 'stop').length, 1)
  assert.deepEqual(chunks.at(-1).choices, [])
  assert.ok(chunks.at(-1).usage.total_tokens > 0)
})

test('tool calls arrive whole, plain and streamed', async () => {
  const tools = [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object' } } }]
  const plain = await client.chat.completions.create({ model: 'sim-tools', messages: user('x'), tools })
  assert.deepEqual(JSON.parse(plain.choices[0].message.tool_calls[0].function.arguments), { city: 'Paris' })
  const streamed = await client.chat.completions.stream({ model: 'sim-tools', messages: user('x'), tools }).finalChatCompletion()
  assert.equal(streamed.choices[0].finish_reason, 'tool_calls')
  assert.equal(streamed.choices[0].message.tool_calls[0].function.name, 'get_weather')
  assert.deepEqual(JSON.parse(streamed.choices[0].message.tool_calls[0].function.arguments), { city: 'Paris' })
})

test('errors have their status, message and code', async () => {
  const failing = (model) => client.chat.completions.create({ model, messages: user('x') })
  await assert.rejects(failing('sim-429'), (e) => e.status === 429 && e.headers.get('retry-after') === '7' && e.code === 'rate_limit_exceeded')
  await assert.rejects(failing('sim-500'), (e) => e.status === 500)
  await assert.rejects(failing('no-such-model'), (e) => e.status === 404 && e.code === 'model_not_found' && e.param === 'model')
  await assert.rejects(new OpenAI({ baseURL: `${sim}/v1`, apiKey: 'wrong', maxRetries: 0 }).models.list(), (e) => e.status === 401)
})

test('streams that fail make the client throw', async () => {
  for (const model of ['sim-break', 'sim-early-error', 'sim-late-error', 'sim-badjson']) {
    await assert.rejects(async () => {
      for await (const _ of await client.chat.completions.create({ model, messages: user('a b c d'), stream: true })) { /* read on */ }
    }, undefined, model)
  }
})

test('embeddings decode to the same numbers from base64 and floats', async () => {
  const create = (more) => client.embeddings.create({ model: 'sim-embed', input: ['a', 'b'], ...more })
  const [packed, floats] = [await create({}), await create({ encoding_format: 'float' })]
  assert.deepEqual(packed.data.map((d) => d.embedding), floats.data.map((d) => d.embedding))
  assert.equal(packed.data[0].embedding.length, 16)
})

test('models are listed and found by name', async () => {
  const ids = []
  for await (const m of client.models.list()) ids.push(m.id)
  assert.ok(ids.includes('sim'))
  assert.equal((await client.models.retrieve('sim')).id, 'sim')
})

test('it notes the last request as it came and when a client hung up', async () => {
  await client.chat.completions.create({ model: 'sim', messages: user('x'), logit_bias: { 7: -1 } })
  assert.deepEqual(JSON.parse((await simGet('/sim/last')).body).logit_bias, { 7: -1 })
  const text = unique('hang-up'), stop = new AbortController()
  const pending = client.chat.completions.create({ model: 'sim-silent', messages: user(text) }, { signal: stop.signal })
  await simRequest(text)
  stop.abort()
  await assert.rejects(pending)
  const seen = await simRequest(text, (r) => r.closed !== null)
  assert.equal(seen.first_byte, null)
  assert.ok(seen.closed > seen.start)
})
