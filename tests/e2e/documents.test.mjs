// Goal: documents go in, are found, are cited, and belong to their owner. Method: the folder
// documents/ beside this file, uploaded by the official client; facts that stand in one file only.
import test, { before } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { account, call, client, clientFor, documentNames, documents, makeStore, simGet, stream, unique, upload, user } from './support.mjs'

let store, files

before(async () => ({ store, files } = await makeStore()))

const facts = [
  ['How high is the lighthouse and how many steps has it?', 'lighthouse.md'],
  ['When does the ferry Anemone sail to Skarholm?', 'ferry.html'],
  ['What does a berth cost a night?', 'harbour.md'],
  ['When are there cardamom buns?', 'bakery.txt'],
  ['How many knots does the museum show?', 'museum.md'],
  ['Wann wird das Altpapier abgeholt?', 'müllabfuhr.txt'],
  ['strongest gust on record', 'weather.md'],
  ['how long does the library lend books', 'library.html'],
]

test('files keep their names, sizes and bytes', async () => {
  for (const name of documentNames) {
    const bytes = readFileSync(join(documents, name))
    assert.equal(files[name].filename, name)
    assert.equal(files[name].bytes, bytes.length)
    assert.deepEqual(Buffer.from(await (await client.files.content(files[name].id)).arrayBuffer()), bytes)
  }
  const listed = []
  for await (const f of client.files.list({ limit: 3 })) listed.push(f.id) // over several pages
  for (const { id } of Object.values(files)) assert.equal(listed.filter((x) => x === id).length, 1)
})

test('each fact is found in its document, best first', async () => {
  for (const [query, name] of facts) {
    const hits = []
    for await (const h of await client.vectorStores.search(store.id, { query, max_num_results: 4 })) hits.push(h)
    assert.ok(hits.length > 0 && hits.length <= 4, query)
    assert.equal(hits[0].filename, name, query)
    assert.ok(hits[0].content[0].text.length > 0)
    assert.ok(hits.every((h, i) => i === 0 || hits[i - 1].score >= h.score), query)
    assert.ok(!hits.some((h) => h.content[0].text.includes('console.log')), 'scripts are no text')
  }
})

test('a plain chat over the store answers from it and cites it', async () => {
  for (const [question, name] of facts.slice(0, 4)) {
    const answer = await client.chat.completions.create({
      model: 'extract', messages: user(question), retrieval: { vector_store_ids: [store.id], max_num_results: 3 },
    })
    const { content, annotations } = answer.choices[0].message
    assert.ok(content.length > 0)
    assert.ok(annotations.some((a) => a.type === 'file_citation' && a.file_citation.filename === name), question)
    for (const { file_citation: c } of annotations) {
      assert.equal(c.file_id, files[c.filename].id)
      assert.ok(c.quote.length > 0 && typeof c.score === 'number')
    }
  }
})

test('a streamed chat cites on the delta before finish_reason', async () => {
  const { events } = await stream('/v1/chat/completions', {
    model: 'extract', stream: true, messages: user('When was the lighthouse built?'), retrieval: { vector_store_ids: [store.id] },
  })
  assert.equal(events.at(-1).data, '[DONE]')
  const choices = events.slice(0, -1).map((e) => JSON.parse(e.data).choices[0])
  const finish = choices.findIndex((c) => c.finish_reason)
  const cited = choices.findIndex((c) => c.delta.annotations)
  assert.equal(finish, choices.length - 1)
  assert.equal(cited, finish - 1)
  assert.equal(choices[cited].delta.annotations[0].file_citation.filename, 'lighthouse.md')
  assert.match(choices.map((c) => c.delta.content ?? '').join(''), /1871/)
})

test('a provider\'s model gets the passages, not the extension, and its answer is cited', async () => {
  const question = 'What does a bicycle cost on the ferry?'
  for (const streamed of [false, true]) {
    const body = { model: 'sim', messages: user(question), stream: streamed, retrieval: { vector_store_ids: [store.id] } }
    const res = await stream('/v1/chat/completions', body)
    assert.equal(res.status, 200, res.text)
    const sent = JSON.parse((await simGet('/sim/last')).body)
    assert.equal(sent.retrieval, undefined)
    assert.ok(JSON.stringify(sent.messages).includes('Tandems'), 'the passage is put before the model')
    assert.equal(sent.messages.at(-1).content, question)
    const annotations = streamed
      ? res.events.slice(0, -1).flatMap((e) => JSON.parse(e.data).choices[0]?.delta.annotations ?? [])
      : res.json.choices[0].message.annotations
    assert.ok(annotations.some((a) => a.file_citation.filename === 'ferry.html'))
  }
})

test('/v1/chat/stream cites, remembers its conversation, and knows no other\'s', async () => {
  const first = await stream('/v1/chat/stream', { message: 'How high is the lighthouse?', vector_store_ids: [store.id] })
  assert.equal(first.status, 200, first.text)
  assert.ok(first.events.some((e) => e.event === 'citation' && JSON.parse(e.data).filename === 'lighthouse.md'))
  const done = JSON.parse(first.events.at(-1).data)
  assert.equal(first.events.at(-1).event, 'done')
  assert.ok(done.conversation_id && done.usage.total_tokens > 0 && done.finish_reason)

  const word = unique('parrot')
  const second = await stream('/v1/chat/stream', { message: `My bird is called ${word}`, model: 'sim', vector_store_ids: [] })
  const { conversation_id: id } = JSON.parse(second.events.at(-1).data)
  const text = second.events.filter((e) => e.event === 'token').map((e) => JSON.parse(e.data).text).join('')
  assert.equal(text, `You said: My bird is called ${word}`)
  await stream('/v1/chat/stream', { message: 'And now?', model: 'sim', conversation_id: id, vector_store_ids: [] })
  const { messages } = JSON.parse((await simGet('/sim/last')).body)
  assert.deepEqual(messages.filter((m) => m.role !== 'system').map((m) => m.role), ['user', 'assistant', 'user'])
  assert.ok(JSON.stringify(messages).includes(word))

  const { access_token: other } = await account()
  for (const [conversation, token] of [[id, other], ['conv_none', undefined], [`conv_${randomUUID()}`, undefined]]) {
    const { status, json } = await call('POST', '/v1/chat/stream', { message: 'x', conversation_id: conversation }, token)
    assert.equal(status, 404, conversation)
    assert.ok(json.error)
  }
})

test('another user\'s files and stores are 404, and in no list', async () => {
  const { access_token: token, user: other } = await account()
  const stranger = clientFor(token)
  const id = files['museum.md'].id
  for (const [method, path, body] of [
    ['GET', `/v1/files/${id}`], ['GET', `/v1/files/${id}/content`], ['DELETE', `/v1/files/${id}`],
    ['GET', `/v1/vector_stores/${store.id}`], ['DELETE', `/v1/vector_stores/${store.id}`],
    ['GET', `/v1/vector_stores/${store.id}/files`], ['GET', `/v1/vector_stores/${store.id}/files/${id}`],
    ['POST', `/v1/vector_stores/${store.id}/search`, { query: 'knots' }],
    ['POST', '/v1/chat/completions', { model: 'extract', messages: user('knots?'), retrieval: { vector_store_ids: [store.id] } }],
  ]) assert.equal((await call(method, path, body, token)).status, 404, `${method} ${path}`)
  assert.deepEqual((await stranger.files.list()).data, [])
  assert.deepEqual((await stranger.vectorStores.list()).data, [])
  const own = await upload('museum.md', stranger)
  assert.equal((await call('POST', `/v1/vector_stores/${store.id}/files`, { file_id: own.id }, token)).status, 404)
  const mine = await stranger.vectorStores.create({ name: 'mine' })
  assert.equal((await call('POST', `/v1/vector_stores/${mine.id}/files`, { file_id: id }, token)).status, 404)

  assert.ok(!(await client.files.list()).data.some((f) => f.id === own.id), 'an admin lists its own')
  const asked = await call('GET', `/v1/files?user=${other.id}`)
  assert.deepEqual(asked.json.data.map((f) => f.id), [own.id])
  assert.deepEqual((await call('GET', `/v1/vector_stores?user=${other.id}`)).json.data.map((s) => s.id), [mine.id])
  assert.equal((await client.files.retrieve(id)).id, id)
})

test('what is deleted is gone, and deleting a file detaches it', async () => {
  const { store: mine, files: own } = await makeStore(['harbour.md', 'bakery.txt'])
  assert.equal((await client.files.delete(own['bakery.txt'].id)).deleted, true)
  const left = []
  for await (const f of client.vectorStores.files.list(mine.id)) left.push(f.id)
  assert.deepEqual(left, [own['harbour.md'].id])
  const hits = []
  for await (const h of await client.vectorStores.search(mine.id, { query: 'cardamom buns rye bread' })) hits.push(h.filename)
  assert.ok(!hits.includes('bakery.txt'))
  assert.equal((await client.vectorStores.delete(mine.id)).object, 'vector_store.deleted')
  assert.equal((await call('GET', `/v1/vector_stores/${mine.id}`)).status, 404)
  assert.equal((await client.files.retrieve(own['harbour.md'].id)).id, own['harbour.md'].id, 'deleting a store keeps its files')
  await client.files.delete(own['harbour.md'].id)
  assert.equal((await call('GET', `/v1/files/${own['harbour.md'].id}`)).status, 404)
})

test('a model without passages says that no document was searched', async () => {
  const answer = await client.chat.completions.create({ model: 'extract', messages: user('How high is the lighthouse?') })
  assert.ok(answer.choices[0].message.content.length > 0)
  assert.equal((answer.choices[0].message.annotations ?? []).length, 0)
})
