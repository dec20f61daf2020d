/**
 * Every write takes effect once. What a client is told stands in the log as it asked for it; a write that was refused has
 * no effect; one without an id is made at most as often as it was asked for; one whose id is known here is answered with
 * the first copy, whatever its condition, and one under an id of another content is refused. That copies of one id at two
 * nodes count once is for the reference: see the checkers of digests and of convergence.
 */
import { nodeCrypto } from '../../../src/base/crypto-node.js'
import { equalBytes, toHex } from '../../../src/base/index.js'
import type { Batch } from '../../../src/log/index.js'
import { clientIdHash } from '../../../src/log/index.js'
import type { LocalOp, LocalWrite } from '../../../src/store/index.js'
import type { Failed, Succeeded } from '../history.js'
import type { Checker, World } from '../world.js'
import { batchText, broken } from './broken.js'
import type { Ledger } from './ledger.js'
import { nodeOf } from './ledger.js'
import type { GraphOp, RefHead } from './reference.js'

const name = 'effect once'

type Known = 'same' | 'other' | undefined

interface Begun {
  readonly write: LocalWrite
  /** Positions of the node then. */
  readonly from: number
  /** What the id stood for there then. */
  readonly known: Known
}

export function effectOnce(ledger: Ledger): Checker {
  const begun = new Map<number, Begun>()
  /** By content of an op without an id: how often it was asked for, and not refused. */
  const asked = new Map<string, number>()
  const made = new Map<string, number>()
  const seen = new Set<Batch['id']>()

  const count = (batch: Batch): void => {
    if (seen.has(batch.id)) return
    seen.add(batch.id)
    for (const entry of ledger.graph.ops(batch)) {
      if (entry.client !== undefined) continue
      const content = contentOf(batch.header.author, entry.op)
      made.set(content, (made.get(content) ?? 0) + 1)
    }
  }

  const ask = (author: string, write: LocalWrite, by: 1 | -1): void => {
    if (write.id !== undefined) return
    for (const op of write.ops) {
      const content = contentOf(author, op)
      asked.set(content, (asked.get(content) ?? 0) + by)
    }
  }

  const succeeded = (event: Succeeded, { write, from, known }: Begun): void => {
    if (event.answer.kind !== 'write') return
    const { committed } = event.answer
    const fold = ledger.fold(event.node)
    const batch = ledger.graph.batches.get(committed.batch)
    if (batch === undefined || fold.positions.get(committed.batch) !== committed.position) {
      broken(name, `${event.node}: operation ${event.op} is said to be at ${committed.position}, and is not`)
    }
    const ops = ledger.graph.ops(batch)
    const isThere = write.ops.every((op, i) => isSame(ops[committed.ops[i]?.index ?? -1], op))
    if (!isThere || committed.ops.length !== write.ops.length) {
      broken(name, `${event.node}: operation ${event.op} is not what ${batchText(batch)} holds`)
    }
    if (known === 'other')
      broken(name, `${event.node}: operation ${event.op} was made under an id of another write`)
    if (known === 'same' && !committed.repeated) {
      broken(name, `${event.node}: operation ${event.op} was made again under its id`)
    }
    if (committed.repeated) {
      if (write.id === undefined)
        broken(name, `${event.node}: operation ${event.op} has no id and is no repeat`)
      return
    }
    if (committed.position <= from)
      broken(name, `${event.node}: operation ${event.op} was there before it began`)
    checkConditions(ledger, event, write, batch, committed.ops[0]!.index)
  }

  const failed = (event: Failed, { known }: Begun): void => {
    if (known !== 'same' || (event.code !== 'PRECONDITION_FAILED' && event.code !== 'ID_REUSED')) return
    broken(name, `${event.node}: operation ${event.op} was known by its id and answered ${event.code}`)
  }

  return {
    name,
    onEvent(event, world) {
      if (event.type === 'commit') for (const { batch } of event.notice.applied) count(batch)
      if (event.type === 'invoke' && event.call.kind === 'write') {
        const { write } = event.call
        ask(nodeOf(world, event.node).author, write, 1)
        const from = ledger.fold(event.node).order.length
        begun.set(event.op, { write, from, known: knownAt(ledger, event.node, write) })
      }
      if (event.type !== 'ok' && event.type !== 'fail') return
      const call = begun.get(event.op)
      begun.delete(event.op)
      if (call === undefined) return
      if (event.type === 'ok') succeeded(event, call)
      else {
        failed(event, call)
        ask(nodeOf(world, event.node).author, call.write, -1)
      }
    },
    atEnd(world) {
      checkCounts(world, asked, made)
    }
  }
}

function checkCounts(
  world: World,
  asked: ReadonlyMap<string, number>,
  made: ReadonlyMap<string, number>
): void {
  const honest = new Set(world.nodes.filter(node => node.honest).map(node => node.author as string))
  for (const [content, times] of made) {
    if (!honest.has(content.slice(0, 64)) || times <= (asked.get(content) ?? 0)) continue
    broken(
      name,
      `an op was asked for ${asked.get(content) ?? 0} times and made ${times} times: ${content.slice(65, 140)}`
    )
  }
}

function contentOf(author: string, op: LocalOp): string {
  return `${author}/${op.kind}/${toHex(op.key)}/${op.value === undefined ? '-' : toHex(op.value)}`
}

function knownAt(ledger: Ledger, node: string, write: LocalWrite): Known {
  if (write.id === undefined) return undefined
  const known = ledger.fold(node).clients.get(clientIdHash(write.id, nodeCrypto))
  if (known === undefined) return undefined
  const batch = ledger.fold(node).order[known.position - 1]!
  const ops = ledger.graph.ops(batch)
  if (known.identities.size !== write.ops.length) return 'other'
  const same = write.ops.every((op, number) => {
    const identity = known.identities.get(number)
    return ops.some(
      entry => entry.client?.identity === identity && entry.client?.number === number && isSame(entry, op)
    )
  })
  return same ? 'same' : 'other'
}

function isSame(entry: GraphOp | undefined, op: LocalOp): boolean {
  if (entry === undefined || entry.op.kind !== op.kind || !equalBytes(entry.op.key, op.key)) return false
  const { value } = entry.op
  if (value === undefined || op.value === undefined) return value === op.value
  return equalBytes(value, op.value)
}

/** What each condition named was shown when the ops before this write were made. */
function checkConditions(
  ledger: Ledger,
  event: Succeeded,
  { conditions = [] }: LocalWrite,
  batch: Batch,
  first: number
): void {
  const fold = ledger.fold(event.node)
  const position = fold.positions.get(batch.id)!
  const earlier = ledger.graph.ops(batch).slice(0, first)
  for (const { key, at } of conditions) {
    const text = toHex(key)
    // An earlier write of the same batch overwrote what was there.
    if (earlier.some(entry => entry.key === text)) continue
    const winner = fold.shownAt(text, position - 1)
    if (holds(winner, at)) continue
    broken(name, `${event.node}: operation ${event.op} was made although its condition did not hold`)
  }
}

type Condition = NonNullable<LocalWrite['conditions']>[number]['at']

function holds(winner: RefHead | undefined, at: Condition): boolean {
  const isAbsent = winner === undefined || winner.op.value === undefined
  if (at === null) return isAbsent
  if (isAbsent) return false
  // It may name another copy of the same client's op.
  if (winner.identity !== undefined) return true
  const { author, epoch, seq } = winner.batch.header
  return author === at.author && epoch === at.epoch && seq === at.seq && winner.index === at.index
}
