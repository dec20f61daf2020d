/** Reads the golden vectors under `protocols/vectors`. Bytes are hexadecimal text there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromHex } from '../../src/base/index.js'
import type { Batch, BatchHeader, BatchId, Extension, Op, OverRef } from '../../src/log/index.js'

/** Parsed JSON of a file whose shape the tests know. */
export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(join('protocols', 'vectors', `${name}.json`), 'utf8'))
}

export interface Refused {
  why: string
  bytes: string
  count: number
}

export interface ExtensionCase {
  type: number
  value: string
}

export interface OpCase {
  kind: number
  flags: number
  key: string
  value?: string
  over: OverRef[]
  extensions: ExtensionCase[]
}

export interface BatchCase {
  name: string
  seed: string
  ops: OpCase[]
  body: string
  header: Omit<BatchHeader, 'root' | 'extensions'> & { root: string; extensions: ExtensionCase[] }
  headerBytes: string
  id: BatchId
  signedMessage: string
  signature?: string
}

export const extensionsOf = (cases: readonly ExtensionCase[]): Extension[] =>
  cases.map(({ type, value }) => ({ type, value: fromHex(value) }))

export function opOf({ kind, flags, key, value, over, extensions }: OpCase): Op {
  const op = { kind, flags, key: fromHex(key), over, extensions: extensionsOf(extensions) }
  return value === undefined ? op : { ...op, value: fromHex(value) }
}

export function headerOf({ header }: BatchCase): BatchHeader {
  return { ...header, root: fromHex(header.root), extensions: extensionsOf(header.extensions) }
}

export function batchOf(vector: BatchCase): Batch {
  const batch = {
    header: headerOf(vector),
    headerBytes: fromHex(vector.headerBytes),
    id: vector.id,
    body: fromHex(vector.body)
  }
  return vector.signature === undefined ? batch : { ...batch, signature: fromHex(vector.signature) }
}

export function batchesByName(): Map<string, Batch> {
  const { batches } = vectors<{ batches: BatchCase[] }>('batch')
  return new Map(batches.map(vector => [vector.name, batchOf(vector)]))
}
