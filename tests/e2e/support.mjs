// What the suites share: where the program is, a client, plain calls, the simulator's book-keeping.
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { randomUUID } from 'node:crypto'
import OpenAI, { toFile } from 'openai'

export const base = process.env.BASE_URL
export const key = process.env.API_KEY
export const sim = process.env.SIM_URL
export const documents = fileURLToPath(new URL('documents', import.meta.url))
export const documentNames = readdirSync(documents).sort()

export const clientFor = (apiKey) => new OpenAI({ baseURL: `${base}/v1`, apiKey, maxRetries: 0, timeout: 20_000 })
export const client = clientFor(key)
export const user = (content) => [{ role: 'user', content }]
export const unique = (word) => `${word}-${randomUUID()}`
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
/// Seconds of the machine's monotonic clock, as the simulator's.
export const now = () => Number(process.hrtime.bigint()) / 1e9

/// One request with a JSON body: {status, headers, text, json}.
export const call = async (method, path, body, token = key) => {
  const res = await fetch(base + path, {
    method,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  })
  const text = await res.text()
  let json
  try { json = JSON.parse(text) } catch { json = undefined }
  return { status: res.status, headers: res.headers, text, json }
}

/// The events of an SSE body: [{event, data}].
export const parseEvents = (text) => {
  const out = []
  for (const block of text.replaceAll('\r\n', '\n').split('\n\n')) {
    let event = 'message'
    const data = []
    for (const line of block.split('\n')) {
      if (line.startsWith('event:')) event = line.slice(6).trim()
      if (line.startsWith('data:')) data.push(line.slice(5).trimStart())
    }
    if (data.length) out.push({ event, data: data.join('\n') })
  }
  return out
}

/// POST that is answered with events: {status, headers, events, json}.
export const stream = async (path, body, token = key) => {
  const res = await call('POST', path, body, token)
  return { ...res, events: parseEvents(res.text) }
}

export const simGet = async (path) => (await fetch(sim + path)).json()

/// The simulator's entry for the request whose last user message is `text`, once `ready` holds.
export const simRequest = async (text, ready = () => true, within = 3000) => {
  const until = Date.now() + within
  for (;;) {
    const found = (await simGet('/sim/connections')).findLast((r) => r.text === text)
    if (found && ready(found)) return found
    assert.ok(Date.now() < until, `the provider's request did not get there: ${JSON.stringify(found)}`)
    await sleep(10)
  }
}

/// A new account: {email, password, access_token, refresh_token, user, …}.
export const account = async () => {
  const email = `${randomUUID()}@example.org`, password = 'a long enough password'
  const made = await call('POST', '/v1/auth/register', { email, password, name: 'Ada' }, null)
  assert.equal(made.status, 201, made.text)
  return { email, password, ...made.json }
}

export const upload = async (name, owner = client) =>
  owner.files.create({ file: await toFile(readFileSync(join(documents, name)), name), purpose: 'assistants' })

/// A store with `names` in it, indexed, and the attributes by name: {store, files: {name: file}}.
export const makeStore = async (names = documentNames, owner = client, attributes = {}) => {
  const store = await owner.vectorStores.create({ name: unique('e2e') })
  const files = {}
  for (const name of names) {
    files[name] = await upload(name, owner)
    await owner.vectorStores.files.create(store.id, { file_id: files[name].id, attributes: attributes[name] })
  }
  const until = Date.now() + 30_000
  for (;;) {
    const { file_counts: counts } = await owner.vectorStores.retrieve(store.id)
    assert.equal(counts.failed, 0, JSON.stringify(counts))
    if (counts.completed === names.length) return { store, files }
    assert.ok(Date.now() < until, `indexing is stuck: ${JSON.stringify(counts)}`)
    await sleep(50)
  }
}
