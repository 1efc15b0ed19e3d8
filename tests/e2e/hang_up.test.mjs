// Goal: a client that goes away closes its provider's connection within 50 ms, before the first
// token and in mid-stream, plain and streamed. Method: a raw socket is destroyed; the simulator says
// when it saw its own connection closed, on the same monotonic clock.
import test from 'node:test'
import assert from 'node:assert/strict'
import net from 'node:net'
import { base, key, now, simRequest, sleep, unique, user } from './support.mjs'

const limitSeconds = 0.05
const repeats = 5

/// Sends a request and resolves, with the socket, when `ready(received)` holds.
const open = (path, body, ready) => new Promise((resolve, reject) => {
  const { hostname, port } = new URL(base)
  const socket = net.connect(Number(port), hostname)
  const text = JSON.stringify(body)
  let received = ''
  socket.on('error', reject)
  socket.on('connect', () => {
    socket.write(`POST ${path} HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${key}\r\n` +
      `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)
    if (ready(received)) resolve(socket)
  })
  socket.on('data', (d) => { received += d; if (ready(received)) resolve(socket) })
})

const cases = [
  ['before the first token of a stream', '/v1/chat/completions', (text) => ({ model: 'sim-silent', messages: user(text), stream: true }), () => true],
  ['before a plain answer', '/v1/chat/completions', (text) => ({ model: 'sim-silent', messages: user(text) }), () => true],
  ['in mid-stream', '/v1/chat/completions', (text) => ({ model: 'sim-slow', messages: user(text), stream: true }), (got) => got.split('data:').length > 4],
  ['in mid-stream of /v1/chat/stream', '/v1/chat/stream', (text) => ({ model: 'sim-slow', message: text, vector_store_ids: [] }), (got) => got.split('event: token').length > 3],
]

for (const [when, path, body, ready] of cases) {
  test(`a hang-up ${when} closes the provider's connection within 50 ms`, async () => {
    const took = []
    for (let i = 0; i < repeats; ++i) {
      const text = unique('gone')
      const socket = await open(path, body(text), ready)
      await simRequest(text)
      await sleep(30)
      const gone = now()
      socket.destroy()
      const seen = await simRequest(text, (r) => r.closed !== null)
      took.push(seen.closed - gone)
    }
    took.sort((a, b) => a - b)
    const shown = took.map((s) => `${(s * 1000).toFixed(1)} ms`).join(', ')
    console.log(`  hang-up ${when}: ${shown}`)
    assert.ok(took.every((s) => s > 0 && s <= limitSeconds), shown)
  })
}
