// A program of its own with a mail server, for suites that read mails (tests/support/mail_stage.py).
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createInterface } from 'node:readline'
import { sleep } from './support.mjs'

const script = fileURLToPath(new URL('../support/mail_stage.py', import.meta.url))

/// {url, key, mails, mailTo(address), stop()}; undefined when aiosmtpd is not installed.
export const startMailStage = async (settings = {}) => {
  const process_ = spawn('python3', [script, process.env.E2E_PROGRAM, process.env.E2E_SHAPE,
    ...Object.entries(settings).map(([name, value]) => `${name}=${value}`)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => process_.on('exit', resolve))
  const lines = createInterface({ input: process_.stdout })[Symbol.asyncIterator]()
  const first = await lines.next()
  if (first.done) {
    assert.equal(await ended, 3, 'the stage did not start')
    return undefined
  }
  const mails = []
  const reader = (async () => { for await (const line of { [Symbol.asyncIterator]: () => lines }) mails.push(JSON.parse(line)) })()
  /// The next mail to an address that was not taken yet: {subject, text, link, code}.
  const mailTo = async (address, within = 5000) => {
    for (const until = Date.now() + within; ; await sleep(10)) {
      const at = mails.findIndex((m) => m.envelope_to[0] === address)
      if (at >= 0) {
        const [mail] = mails.splice(at, 1)
        const text = mail.parts[0].text
        return {
          subject: mail.headers.Subject, text,
          link: text.match(/https?:\S+\/auth\/v1\/verify\S+/)[0], code: text.match(/\b\d{6}\b/)[0],
        }
      }
      assert.ok(Date.now() < until, `no mail to ${address} came: ${JSON.stringify(mails)}`)
    }
  }
  const stop = async () => {
    process_.stdin.end()
    assert.equal(await ended, 0, 'the program did not end well')
    await reader
  }
  return { ...JSON.parse(first.value), mails, mailTo, stop }
}
