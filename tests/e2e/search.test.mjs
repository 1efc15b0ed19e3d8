// Goal: a search takes OpenAI's filters and options, its hits carry their file's attributes, and what
// is wrong in them is refused by name. Method: the official client on a store whose documents have
// attributes; documents that rank low unfiltered must come first when the filter leaves only them.
import test, { before } from 'node:test'
import assert from 'node:assert/strict'
import { call, client, makeStore, sleep, unique, upload } from './support.mjs'

const attributes = {
  'lighthouse.md': { topic: 'sea', year: 1871, open: true },
  'ferry.html': { topic: 'sea', year: 2025, open: true },
  'harbour.md': { topic: 'sea', year: 2026, open: false },
  'bakery.txt': { topic: 'food', year: 2026, open: true },
  'museum.md': {},
}
const query = 'lighthouse ferry harbour bakery museum' // each document has at least one of the words
const eq = (key, value) => ({ type: 'eq', key, value })
let store

before(async () => { ({ store } = await makeStore(Object.keys(attributes), client, attributes)) })

const search = async (more) => {
  const hits = []
  for await (const h of await client.vectorStores.search(store.id, { query, max_num_results: 50, ...more })) hits.push(h)
  return hits
}
const names = (hits) => [...new Set(hits.map((h) => h.filename))].sort()

const refused = async (more, param) => {
  await assert.rejects(search(more), (e) => {
    assert.equal(e.status, 400, JSON.stringify(more))
    assert.equal(e.param, param)
    assert.ok(e.message.includes(param), e.message)
    return true
  })
}

test('hits carry the attributes of their file', async () => {
  const hits = await search({})
  assert.deepEqual(names(hits), Object.keys(attributes).sort())
  for (const h of hits) assert.deepEqual(h.attributes, attributes[h.filename], h.filename)
})

test('each comparison leaves the files that it names', async () => {
  for (const [filters, expected] of [
    [eq('topic', 'food'), ['bakery.txt']],
    [{ type: 'ne', key: 'topic', value: 'sea' }, ['bakery.txt', 'museum.md']],
    [{ type: 'gt', key: 'year', value: 2025 }, ['bakery.txt', 'harbour.md']],
    [{ type: 'gte', key: 'year', value: 2025 }, ['bakery.txt', 'ferry.html', 'harbour.md']],
    [{ type: 'lt', key: 'year', value: 2025 }, ['lighthouse.md']],
    [{ type: 'lte', key: 'year', value: 2025 }, ['ferry.html', 'lighthouse.md']],
    [{ type: 'in', key: 'year', value: [1871, 2025] }, ['ferry.html', 'lighthouse.md']],
    [{ type: 'nin', key: 'year', value: [1871, 2025, 2026] }, ['museum.md']],
    [eq('open', false), ['harbour.md']],
    [eq('year', '2026'), []],
  ]) assert.deepEqual(names(await search({ filters })), expected, JSON.stringify(filters))
})

test('compounds nest', async () => {
  const filters = {
    type: 'or',
    filters: [{ type: 'and', filters: [eq('topic', 'sea'), eq('open', false)] }, eq('topic', 'food')],
  }
  assert.deepEqual(names(await search({ filters })), ['bakery.txt', 'harbour.md'])
})

test('the filter comes before the best are taken', async () => {
  const asked = { query: 'lighthouse lighthouse lighthouse bakery', max_num_results: 1 }
  assert.deepEqual(names(await search(asked)), ['lighthouse.md'])
  assert.deepEqual(names(await search({ ...asked, filters: eq('topic', 'food') })), ['bakery.txt'])
})

test('a filter that is wrong is refused by its path', async () => {
  await refused({ filters: { type: 'like', key: 'topic', value: 'sea' } }, 'filters.type')
  await refused({ filters: { type: 'and', filters: [eq('topic', 'sea'), { type: 'is', key: 'k', value: 1 }] } }, 'filters.filters[1].type')
  await refused({ filters: { type: 'eq', key: 'topic' } }, 'filters.value')
  await refused({ filters: { type: 'or', filters: Array(200).fill(eq('topic', 'sea')) } }, 'filters')
})

test('scores are 0 to 1, and a threshold keeps what reaches it', async () => {
  const all = await search({})
  assert.ok(all.every((h) => h.score >= 0 && h.score <= 1))
  const threshold = all[1].score
  const kept = await search({ ranking_options: { ranker: 'auto', score_threshold: threshold }, rewrite_query: true })
  assert.deepEqual(kept, all.filter((h) => h.score >= threshold))
  assert.ok(kept.length >= 2 && kept.length < all.length)
  await refused({ ranking_options: { score_threshold: 2 } }, 'ranking_options.score_threshold')
  await refused({ ranking_options: { ranker: 'best' } }, 'ranking_options.ranker')
})

test('attributes past their bounds are refused by name', async () => {
  const file = await upload('museum.md')
  const attach = (given) => client.vectorStores.files.create(store.id, { file_id: file.id, attributes: given })
  const param = (wanted) => (e) => e.status === 400 && e.param === wanted
  await assert.rejects(attach({ note: 'x'.repeat(513) }), param('attributes.note'))
  await assert.rejects(attach({ note: [1] }), param('attributes.note'))
  await assert.rejects(attach({ ['k'.repeat(65)]: 1 }), param('attributes'))
  await assert.rejects(attach(Object.fromEntries([...Array(17).keys()].map((n) => [`k${n}`, n]))), param('attributes'))
  assert.equal((await call('GET', `/v1/vector_stores/${store.id}/files/${file.id}`)).status, 404)
  await client.files.delete(file.id)
})

test('a store is made with all its files or not at all', async () => {
  const file = await upload('museum.md')
  const name = unique('whole')
  const mine = async () => {
    const found = []
    for await (const s of client.vectorStores.list({ limit: 100 })) if (s.name === name) found.push(s.id)
    return found
  }
  await assert.rejects(client.vectorStores.create({ name, file_ids: [file.id, 'file-none'] }),
    (e) => e.status === 404 && e.param === 'file_ids[1]')
  assert.deepEqual(await mine(), [])
  const made = await client.vectorStores.create({ name, file_ids: [file.id] })
  assert.deepEqual(await mine(), [made.id])
  assert.equal(made.file_counts.total, 1)
  const until = Date.now() + 10_000
  while ((await client.vectorStores.retrieve(made.id)).status !== 'completed') {
    assert.ok(Date.now() < until, 'indexing is stuck')
    await sleep(20)
  }
  const hits = (await client.vectorStores.search(made.id, { query: 'knots' })).data
  assert.equal(hits[0].file_id, file.id)
  assert.deepEqual(hits[0].attributes, {})
})
