// Goal: no JSON text, however odd, ends the process or gives a 5xx. Method: every file of
// JSONTestSuite's test_parsing as a body (none is a chat request) and as a message's content: an n_
// file is refused there as well. Where the suite is not beside the project, it is skipped.
import test from 'node:test'
import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { call } from './support.mjs'

const folder = process.env.JSON_VECTORS ?? fileURLToPath(new URL('../../../shared/data/vectors/json/test_parsing', import.meta.url))
const skip = !existsSync(folder) && `${folder} is absent`
const names = skip ? [] : readdirSync(folder).filter((n) => n.endsWith('.json'))

test('every file as a body is a 4xx with an error, and the server lives', { skip }, async () => {
  assert.ok(names.length > 300)
  for (const path of ['/v1/chat/completions', '/v1/embeddings', '/v1/auth/login']) {
    for (const name of names) {
      const { status, json } = await call('POST', path, readFileSync(join(folder, name)))
      assert.ok(status >= 400 && status < 500, `${path} ${name}: ${status}`)
      assert.equal(typeof json?.error?.message, 'string', `${path} ${name}`)
    }
  }
  assert.equal((await call('GET', '/health')).status, 200)
})

test('every file as a part of a body is refused or taken, never a 5xx', { skip }, async () => {
  for (const name of names) {
    const body = Buffer.concat([
      Buffer.from('{"model":"extract","messages":[{"role":"user","content":"x"}],"extra":'), readFileSync(join(folder, name)), Buffer.from('}'),
    ])
    const { status } = await call('POST', '/v1/chat/completions', body)
    assert.ok(status < 500, `${name}: ${status}`)
    if (name.startsWith('n_')) assert.ok(status >= 400, `${name}: ${status}`)
  }
  assert.equal((await call('GET', '/health')).status, 200)
})
