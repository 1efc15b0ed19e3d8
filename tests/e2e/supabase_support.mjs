// What the suites of supabase's clients share.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'

export const password = 'a long enough password'
export const newEmail = () => `${randomUUID()}@example.org`

/** The data of an answer that must be good. */
export const good = ({ data, error }) => {
  assert.equal(error, null, JSON.stringify(error))
  return data
}

/** The error of an answer that must be refused so. */
export const refused = ({ error }, code, status) => {
  assert.ok(error, 'it was not refused')
  assert.deepEqual([error.code, error.status], [code, status], error.message)
  return error
}
