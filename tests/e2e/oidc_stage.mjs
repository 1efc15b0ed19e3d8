// For the suite of a real OpenID Connect provider: the provider, a program of the suite's own that signs
// in with it, and a browser that walks through the provider's forms.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { createServer as createSocket } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import Provider from 'oidc-provider'

const script = fileURLToPath(new URL('../support/settings_stage.py', import.meta.url))

const listening = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))
/** A loopback port that was free a moment ago. */
export const freePort = async () => {
  const probe = createSocket(), port = await listening(probe)
  await new Promise((resolve) => probe.close(resolve))
  return port
}

const signingKeys = () => [['rsa', { modulusLength: 2048 }, 'RS256'], ['ec', { namedCurve: 'P-256' }, 'ES256']].map(
  ([kind, options, alg]) => ({ ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }),
    alg, use: 'sig', kid: `a key of ${alg}` }))

/// oidc-provider on a free port, whose users are whoever logs in, with a verified e-mail: {url, stop()}.
export const startProvider = async (client) => {
  const server = createServer(), url = `http://127.0.0.1:${await listening(server)}`
  const log = console.warn
  console.warn = console.info = () => {} // it warns of its in-memory store and of its own forms
  const provider = new Provider(url, {
    clients: [{ grant_types: ['authorization_code'], response_types: ['code'], ...client }],
    jwks: { keys: signingKeys() },
    cookies: { keys: ['a key of cookies'] },
    pkce: { required: () => true },
    ttl: Object.fromEntries(['AccessToken', 'AuthorizationCode', 'Grant', 'IdToken', 'Interaction', 'Session'].map((k) => [k, 300])),
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    findAccount: (_, login) => ({ accountId: login,
      claims: () => ({ sub: login, email: `${login}@example.org`, email_verified: true, name: `Dr. ${login}` }) }),
  })
  console.warn = console.info = log
  server.on('request', provider.callback()).unref() // it holds nobody when the program did not start
  const stop = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { url, stop }
}

/// The program on this port with these settings: {url, key, stop()}.
export const startProgram = async (port, settings) => {
  const process_ = spawn('python3', [script, process.env.E2E_PROGRAM, process.env.E2E_SHAPE, String(port),
    ...Object.entries(settings).map(([name, value]) => `${name}=${value}`)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => process_.on('exit', resolve))
  const first = await createInterface({ input: process_.stdout })[Symbol.asyncIterator]().next()
  assert.ok(!first.done, 'the program did not start')
  const stop = async () => {
    process_.stdin.end()
    assert.equal(await ended, 0, 'the program did not end well')
  }
  return { ...JSON.parse(first.value), stop }
}

/// A browser with cookies, which fills in the forms of oidc-provider.
export class Browser {
  #cookies = new Map()
  /// The names of the forms that it has filled in.
  forms = []

  async #ask(url, options = {}) {
    const mine = [...this.#cookies.values()].filter((c) => c.host === url.host && url.pathname.startsWith(c.path))
    const res = await fetch(url, { redirect: 'manual', ...options,
      headers: { ...options.headers, cookie: mine.map((c) => c.pair).join('; ') } })
    for (const line of res.headers.getSetCookie()) {
      const [pair, ...rest] = line.split(/;\s*/)
      const told = Object.fromEntries(rest.map((part) => part.split('=')).map(([k, v]) => [k.toLowerCase(), v]))
      const cookie = { host: url.host, path: told.path ?? '/', pair }
      const id = [cookie.host, cookie.path, pair.split('=')[0]].join(' ')
      if (told.expires && Date.parse(told.expires) <= Date.now()) this.#cookies.delete(id)
      else this.#cookies.set(id, cookie)
    }
    return res
  }

  /// Follows a link until it leads to a host of the app, which nothing serves: that URL. Who is asked for
  /// a login gives this one, or goes away when it is null.
  async walk(link, login, app) {
    let url = new URL(link), options
    for (let steps = 0; steps < 20; ++steps) {
      if (app.includes(url.origin)) return url
      const res = await this.#ask(url, options)
      const text = await res.text()
      options = undefined
      if (res.status >= 300 && res.status < 400) {
        url = new URL(res.headers.get('location'), url)
        continue
      }
      assert.equal(res.status, 200, `${url}: ${text}`)
      const action = text.match(/<form[^>]* action="([^"]+)"/)
      assert.ok(action, `no form at ${url}: ${text}`)
      if (login === null) {
        url = new URL(text.match(/<a href="([^"]+\/abort)"/)[1], url)
        continue
      }
      const prompt = text.match(/name="prompt" value="([^"]+)"/)[1]
      this.forms.push(prompt)
      url = new URL(action[1], url)
      options = { method: 'POST', body: new URLSearchParams({ prompt, ...(prompt === 'login' ? { login, password: 'any' } : {}) }) }
    }
    assert.fail(`it never ends: ${url}`)
  }
}
