// Goal: chats through the program are what the official client expects, with the built-in model and
// with a provider's. Method: the client for the shapes; the simulator tells what reached it.
import test from 'node:test'
import assert from 'node:assert/strict'
import { call, client, clientFor, simGet, stream, unique, user } from './support.mjs'

test('the public routes answer without a key, the others do not', async () => {
  for (const path of ['/health', '/ready', '/metrics', '/openapi.json'])
    assert.equal((await call('GET', path, undefined, null)).status, 200, path)
  for (const path of ['/v1/models', '/v1/files', '/v1/vector_stores', '/v1/logs', '/v1/auth/me'])
    assert.equal((await call('GET', path, undefined, null)).status, 401, path)
})

test('a wrong key is 401 in OpenAI\'s shape', async () => {
  await assert.rejects(clientFor('tr-wrong').models.list(), (e) => e.status === 401 && e.constructor.name === 'AuthenticationError')
  const { json } = await call('POST', '/v1/chat/completions', { model: 'extract', messages: user('x') }, 'tr-wrong')
  for (const field of ['message', 'type', 'param', 'code']) assert.ok(field in json.error, field)
})

test('models lists the built-in ones and the provider\'s', async () => {
  const ids = []
  for await (const m of client.models.list()) ids.push(m.id)
  for (const id of ['extract', 'sim']) assert.ok(ids.includes(id), `${id} in ${ids}`)
  assert.equal((await client.models.retrieve('extract')).id, 'extract')
  await assert.rejects(client.models.retrieve('no-such-model'), (e) => e.status === 404)
})

test('embeddings of the built-in model are unit vectors, the same in both encodings', async () => {
  const create = (more) => client.embeddings.create({ model: 'local', input: ['a blue whale', 'a spreadsheet'], ...more })
  const [packed, floats] = [await create({}), await create({ encoding_format: 'float' })]
  packed.data.forEach((d, i) => {
    assert.equal(d.embedding.length, floats.data[i].embedding.length)
    d.embedding.forEach((x, k) => assert.ok(Math.abs(x - floats.data[i].embedding[k]) < 1e-6))
    assert.ok(Math.abs(Math.hypot(...d.embedding) - 1) < 1e-3)
  })
})

test('embeddings of the built-in model are shortened to unit vectors of the asked length', async () => {
  const create = (more) => client.embeddings.create({ model: 'local', input: ['a blue whale swims in the sea', 'x'], ...more })
  const whole = (await create({})).data.map((d) => d.embedding)
  for (const encoding of [{}, { encoding_format: 'float' }, { encoding_format: 'base64' }]) {
    const { data } = await create({ dimensions: 64, ...encoding })
    const got = data.map(({ embedding: e }) => (typeof e !== 'string' ? e
      : [...Array(64).keys()].map((i) => Buffer.from(e, 'base64').readFloatLE(4 * i))))
    got.forEach((e, n) => {
      assert.equal(e.length, 64)
      assert.ok(Math.abs(Math.hypot(...e) - 1) < 1e-3)
      const size = Math.hypot(...whole[n].slice(0, 64))
      if (size > 0) e.forEach((x, k) => assert.ok(Math.abs(x - whole[n][k] / size) < 1e-5))
    })
  }
  assert.deepEqual((await create({ dimensions: 256 })).data.map((d) => d.embedding), whole)
  for (const dimensions of [0, -1, 257]) {
    await assert.rejects(create({ dimensions }), (e) => e.status === 400 && e.param === 'dimensions')
  }
})

test('a provider\'s embeddings pass through in both encodings', async () => {
  const create = (more) => client.embeddings.create({ model: 'sim-embed', input: 'a b', ...more })
  const [packed, floats] = [await create({}), await create({ encoding_format: 'float' })]
  assert.equal(packed.data[0].embedding.length, 16)
  assert.deepEqual(packed.data[0].embedding, floats.data[0].embedding)
})

test('a plain chat is the provider\'s answer, under a request id', async () => {
  const { data, response } = await client.chat.completions.create({ model: 'sim', messages: user('good morning') }).withResponse()
  assert.equal(data.object, 'chat.completion')
  assert.equal(data.choices[0].message.content, 'You said: good morning')
  assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens)
  assert.ok(response.headers.get('x-request-id'))
})

test('a streamed chat gives role, text, finish, usage and [DONE]', async () => {
  for (const model of ['sim', 'extract']) {
    const { status, headers, events } = await stream('/v1/chat/completions', {
      model, messages: user('good morning'), stream: true, stream_options: { include_usage: true },
    })
    assert.equal(status, 200)
    assert.match(headers.get('content-type'), /^text\/event-stream/)
    assert.equal(headers.get('x-accel-buffering'), 'no')
    assert.equal(events.at(-1).data, '[DONE]')
    const chunks = events.slice(0, -1).map((e) => JSON.parse(e.data))
    assert.equal(new Set(chunks.map((c) => c.id)).size, 1, model)
    assert.equal(chunks[0].choices[0].delta.role, 'assistant')
    assert.ok(chunks.map((c) => c.choices[0]?.delta.content ?? '').join('').length > 0)
    assert.equal(chunks.filter((c) => c.choices[0]?.finish_reason).length, 1)
    assert.deepEqual(chunks.at(-1).choices, [])
    assert.ok(chunks.at(-1).usage.total_tokens > 0)
  }
})

test('usage is not sent to whom did not ask', async () => {
  const { events } = await stream('/v1/chat/completions', { model: 'sim', messages: user('x'), stream: true })
  for (const { data } of events.slice(0, -1)) {
    assert.equal(JSON.parse(data).usage ?? null, null)
    assert.notEqual(JSON.parse(data).choices.length, 0)
  }
})

test('what Troupe does not use reaches the provider unchanged, plain and streamed', async () => {
  for (const streamed of [false, true]) {
    const body = {
      model: 'sim', messages: [{ role: 'system', content: 'be kind' }, { role: 'user', content: [{ type: 'text', text: unique('parts') }], name: 'ada' }],
      stream: streamed, logit_bias: { 50256: -100 }, tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: { a: { enum: [1, null, 'x'] } } } } }],
      tool_choice: 'auto', metadata: { trace: 'é \u0001 "quoted"' }, temperature: 0.5, made_up: { deep: [[1.5e300, -0.0001]] },
    }
    const { status } = await call('POST', '/v1/chat/completions', body)
    assert.equal(status, 200)
    assert.deepEqual(JSON.parse((await simGet('/sim/last')).body), body)
  }
})

test('an extra field with a number that no double holds reaches the provider as it was', async () => {
  const text = '{"model":"sim","messages":[{"role":"user","content":"\\u00e9\\ud83d\\ude00"}],"x":12345678901234567890123.10}'
  assert.equal((await call('POST', '/v1/chat/completions', text)).status, 200)
  assert.equal((await simGet('/sim/last')).body, text)
})

test('tool calls pass through, plain and streamed', async () => {
  const tools = [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object' } } }]
  const plain = await client.chat.completions.create({ model: 'sim-tools', messages: user('x'), tools })
  assert.equal(plain.choices[0].finish_reason, 'tool_calls')
  assert.deepEqual(JSON.parse(plain.choices[0].message.tool_calls[0].function.arguments), { city: 'Paris' })
  const streamed = await client.chat.completions.stream({ model: 'sim-tools', messages: user('x'), tools }).finalChatCompletion()
  assert.deepEqual(JSON.parse(streamed.choices[0].message.tool_calls[0].function.arguments), { city: 'Paris' })
})

test('bad bodies name the field that is wrong', async () => {
  for (const [body, param] of [
    ['{"model":"extract","messages":[', null],
    [{ model: 'extract' }, 'messages'],
    [{ model: 'extract', messages: 'hi' }, 'messages'],
    [{ model: 'extract', messages: [{ role: 7, content: 'x' }] }, 'messages[0].role'],
    [{ model: 'extract', messages: user('x'), temperature: 'hot' }, 'temperature'],
    [{ model: 7, messages: user('x') }, 'model'],
    [{ model: 'extract', messages: user('x'), retrieval: { vector_store_ids: 'vs_1' } }, 'retrieval.vector_store_ids'],
  ]) {
    const { status, json } = await call('POST', '/v1/chat/completions', body)
    const what = JSON.stringify(body)
    assert.equal(status, 400, what)
    assert.equal(typeof json.error.message, 'string', what)
    assert.equal(json.error.param, param, what)
  }
  const { status, json } = await call('POST', '/v1/embeddings', { model: 'local' })
  assert.deepEqual([status, json.error.param], [400, 'input'])
  const latin1 = Buffer.from('{"model":"extract","messages":[{"role":"user","content":"\xe9"}]}', 'latin1')
  assert.equal((await call('POST', '/v1/chat/completions', latin1)).status, 400)
})

test('a body past the limit is 413, and the server lives on', async () => {
  const big = `{"model":"extract","messages":[{"role":"user","content":"${'x'.repeat(33 << 20)}"}]}`
  const refused = await call('POST', '/v1/chat/completions', big).catch(() => ({ status: 413 })) // closed while it was sent
  assert.equal(refused.status, 413)
  assert.equal((await call('GET', '/health')).status, 200)
})

test('an unknown model is the provider\'s 404, an unknown route and a wrong method Troupe\'s own', async () => {
  await assert.rejects(client.chat.completions.create({ model: 'no-such-model', messages: user('x') }),
    (e) => e.status === 404 && e.code === 'model_not_found')
  assert.equal((await call('GET', '/v1/no-such-route')).status, 404)
  assert.equal((await call('DELETE', '/v1/models')).status, 405)
})
