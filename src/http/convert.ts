/** The library's shapes as HTTP bodies: the same fields, but `op_id` and `value_base64` for the names of the wire. */
import type { CellInfo, Change, OutboxOp, VersionInfo } from '../base/index.js'

export type Json = Readonly<Record<string, unknown>>

/** `key, value, value_base64?, op_id` of a cell. */
export function itemOf(cell: CellInfo): Json {
  return { key: cell.key, ...valueFields(cell), op_id: cell.opId }
}

export function versionOf(version: VersionInfo): Json {
  const { opId, kind, at, hlc, author, winner, tsMs } = version
  const writer = tsMs === undefined ? {} : { ts_ms: tsMs }
  return { op_id: opId, kind, ...valueFields(version), at, hlc, author, winner, ...writer }
}

export function changeOf(change: Change): Json {
  const { opId, value: _, valueBase64: __, ...rest } = change
  const named = opId === undefined ? rest : { ...rest, op_id: opId }
  return { ...named, ...valueFields(change) }
}

export function outboxOpOf(op: OutboxOp): Json {
  const { opId, ...rest } = op
  return { op_id: opId, ...rest }
}

function valueFields(from: { value?: unknown; valueBase64?: string }): Json {
  if (from.valueBase64 !== undefined) return { value: null, value_base64: from.valueBase64 }
  return from.value === undefined ? {} : { value: from.value }
}
