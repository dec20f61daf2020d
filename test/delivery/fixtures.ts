/** Records of every form: for the golden bytes, and for the fuzzer to begin with. */
import { utf8 } from '../../src/base/index.js'
import type { LogRecord, StateRecord, TargetRecord, Totals } from '../../src/delivery/records.js'

const atMs = 1_700_000_000_000

const plain = { tsMs: atMs, id: 'an id', error: null, nextRetryAtMs: 0, content: null } as const

export const logs: readonly LogRecord[] = [
  {
    ...plain,
    type: 'put',
    content: {
      kind: 'http.post',
      idempotencyKey: null,
      payload: { kind: 'json', bytes: utf8('{"a":[1,null]}') }
    }
  },
  {
    ...plain,
    type: 'put',
    content: { kind: 'k', idempotencyKey: 'a key', payload: { kind: 'text', bytes: utf8('é') } }
  },
  {
    ...plain,
    type: 'put',
    content: { kind: 'k', idempotencyKey: null, payload: { kind: 'bytes', bytes: new Uint8Array([0, 255]) } }
  },
  {
    ...plain,
    type: 'put',
    content: { kind: 'k', idempotencyKey: null, payload: { kind: 'none', bytes: new Uint8Array(0) } }
  },
  { ...plain, type: 'put' },
  { ...plain, type: 'claim' },
  { ...plain, type: 'done' },
  { ...plain, type: 'failed', error: 'HTTP 503 Service Unavailable', nextRetryAtMs: atMs + 500 },
  { ...plain, type: 'permanent-failed', error: '' },
  { ...plain, type: 'retry' },
  { ...plain, type: 'drop' }
]

const waiting: StateRecord = {
  id: 'an id',
  target: '/inbox',
  ordered: true,
  createdAtMs: atMs,
  updatedAtMs: atMs,
  status: 'pending',
  place: 7,
  attempt: 0,
  forgiven: 0,
  nextRetryAtMs: 0,
  owner: null,
  lastError: null
}

export const states: readonly StateRecord[] = [
  waiting,
  { ...waiting, ordered: false, place: 300 },
  { ...waiting, status: 'inflight', place: 0, attempt: 1, owner: 'one', updatedAtMs: atMs + 1 },
  {
    ...waiting,
    status: 'failed',
    place: 1,
    attempt: 200,
    forgiven: 3,
    nextRetryAtMs: atMs + 500,
    lastError: 'é'
  },
  { ...waiting, status: 'done', place: 0, attempt: 1 },
  { ...waiting, status: 'permanent-failed', place: 0, attempt: 8, lastError: 'HTTP 400' }
]

export const targets: readonly TargetRecord[] = [
  { head: 7, busy: 0, tail: 7 },
  { head: 7, busy: 9, tail: 2 ** 48 - 1 }
]

export const totals: Totals = {
  nextPosition: 300,
  firstPosition: 2,
  counts: { pending: 5, inflight: 4, done: 3, failed: 2, 'permanent-failed': 1 }
}
