/** Records of an import: split on bytes wherever the reads end, and every refusal names the line. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isNatterError } from '../../src/base/index.js'
import { readRecords } from '../../src/cli/records.js'

async function* inPieces(text: string | Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function read(text: string | Uint8Array, { key, size = 7 }: { key?: string; size?: number } = {}) {
  const records = []
  for await (const record of readRecords(inPieces(text, size), key)) records.push(record)
  return records
}

function refuses(text: string | Uint8Array, line: number, why: RegExp, key?: string) {
  return assert.rejects(read(text, key === undefined ? {} : { key }), error => {
    assert.ok(isNatterError(error, 'INVALID_RECORD'))
    assert.equal(error.details['line'], line)
    assert.match(error.message, new RegExp(`^line ${line}: `))
    assert.match(error.message, why)
    return true
  })
}

test('lines may span reads of any size', async () => {
  const text = '{"key":"a","value":1}\r\n\n{"key":"ä","value":{"x":"€"}}'
  for (let size = 1; size < 40; size++) {
    const records = await read(text, { size })
    assert.deepEqual(
      records.map(({ line, key, json }) => ({ line, key, op: JSON.parse(json) as unknown })),
      [
        { line: 1, key: 'a', op: { type: 'put', key: 'a', value: 1 } },
        { line: 3, key: 'ä', op: { type: 'put', key: 'ä', value: { x: '€' } } }
      ]
    )
  }
})

test('whole objects are stored under a field of theirs', async () => {
  const [record] = await read('{"email":"a@b","n":7}\n', { key: 'email' })
  assert.deepEqual(JSON.parse(record!.json), { type: 'put', key: 'a@b', value: { email: 'a@b', n: 7 } })
  const [numbered] = await read('{"id":7}\n', { key: 'id' })
  assert.equal(numbered!.key, '7')
})

test('a byte order mark at the beginning is no part of the first record', async () => {
  assert.equal((await read('\ufeff{"key":"a","value":1}')).length, 1)
})

test('what is no record is refused with its line', async () => {
  const good = '{"key":"a","value":1}\n'
  await refuses(`${good}{"key":`, 2, /not JSON/)
  await refuses(`${good}\n[1]\n`, 3, /no JSON object/)
  await refuses('{"value":1}', 1, /key is no text/)
  await refuses('{"key":"","value":1}', 1, /key is empty/)
  await refuses('{"key":"a"}', 1, /no value/)
  await refuses('{"key":"a","value":null}', 1, /null/)
  await refuses('{"key":"a","value":1,"when":2}', 1, /unknown field: when/)
  await refuses(Buffer.from([0x7b, 0xff, 0x7d]), 1, /UTF-8/)
  await refuses('{"a":1}', 1, /no field id/, 'id')
  await refuses('{"id":{}}', 1, /no text or number/, 'id')
})

test('an endless line is refused before it is held in memory', async () => {
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) yield Buffer.alloc(1024 * 1024, 'x')
  }
  const records = readRecords(endless(), undefined)
  await assert.rejects(records.next(), /line 1: it is longer than/)
})
