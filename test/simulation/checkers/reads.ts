/**
 * Reads, held until everything that was on disk when they were answered has been announced. Three properties rest on
 * them: a walk over the keys shows one moment between two batches, never a part of one; a version that was overwritten
 * never comes back; and a value is the one that its author signed.
 */
import { equalBytes, toHex } from '../../../src/base/index.js'
import type { Cell } from '../../../src/store/index.js'
import type { ClientAnswer } from '../history.js'
import type { Checker, World } from '../world.js'
import { broken, keyText } from './broken.js'
import type { Ledger } from './ledger.js'
import { nodeOf } from './ledger.js'
import type { Fold } from './reference.js'

interface Read {
  readonly node: string
  readonly life: number
  readonly op: number
  /** Positions of the node when the read began. */
  readonly from: number
  readonly answer: Exclude<ClientAnswer, { kind: 'write' }>
  readonly key: Uint8Array | undefined
}

type Judge = (read: Read, fold: Fold) => void

/** A checker that judges each read once the node has announced what it could have shown. */
function ofReads(name: string, ledger: Ledger, judge: Judge): Checker {
  const begun = new Map<number, { from: number; key: Uint8Array | undefined }>()
  let open: Read[] = []

  const settle = (world: World): void => {
    open = open.filter(read => {
      const { life, running, store } = nodeOf(world, read.node)
      if (life !== read.life || !running || store === undefined) return false
      const fold = ledger.fold(read.node)
      if (store.disk.state !== 'open' || store.mark.position !== fold.order.length) return true
      judge(read, fold)
      return false
    })
  }

  return {
    name,
    onEvent(event) {
      if (event.type === 'invoke' && event.call.kind !== 'write') {
        const key = event.call.kind === 'read' ? event.call.key : undefined
        begun.set(event.op, { from: ledger.fold(event.node).order.length, key })
      }
      if (event.type !== 'ok' || event.answer.kind === 'write') return
      const call = begun.get(event.op)
      begun.delete(event.op)
      if (call !== undefined) {
        open.push({ node: event.node, life: event.life, op: event.op, ...call, answer: event.answer })
      }
    },
    afterEvent: settle
  }
}

const atomicName = 'atomic batches'

export function atomic(ledger: Ledger): Checker {
  return ofReads(atomicName, ledger, (read, fold) => {
    const shown = new Map<string, string | undefined>()
    if (read.answer.kind === 'read') shown.set(toHex(read.key!), winnerOf(read.answer.cell))
    else {
      for (const key of fold.shown.keys()) shown.set(key, undefined)
      for (const { key, cell } of read.answer.found) shown.set(toHex(key), winnerOf(cell))
    }
    for (let position = read.from; position <= fold.order.length; position++) {
      if (isMoment(fold, position, shown)) return
    }
    const strange = [...shown].find(([key, winner]) => !wasShown(fold, key, winner, read.from))
    const what =
      strange === undefined ? 'mixes several moments' : `shows ${keyText(strange[0])} as it never was`
    broken(
      atomicName,
      `${read.node}: ${read.answer.kind} ${read.op}, begun at position ${read.from}, ${what}`
    )
  })
}

function winnerOf(cell: Cell | undefined): string | undefined {
  const winner = cell?.winner
  return winner === undefined ? undefined : `${winner.id}/${winner.index}`
}

function textAt(fold: Fold, key: string, position: number): string | undefined {
  const winner = fold.shownAt(key, position)
  if (winner === undefined || winner.op.value === undefined || winner.op.kind > 2) return undefined
  return `${winner.batch.id.slice(0, 32)}/${winner.index}`
}

function isMoment(fold: Fold, position: number, shown: ReadonlyMap<string, string | undefined>): boolean {
  for (const [key, winner] of shown) if (textAt(fold, key, position) !== winner) return false
  return true
}

function wasShown(fold: Fold, key: string, winner: string | undefined, from: number): boolean {
  for (let position = from; position <= fold.order.length; position++) {
    if (textAt(fold, key, position) === winner) return true
  }
  return false
}

const returnedName = 'overwritten versions never return'

export function returned(ledger: Ledger): Checker {
  return ofReads(returnedName, ledger, (read, fold) => {
    for (const { key, cell } of cellsOf(read)) {
      for (const { id, index } of cell.heads) {
        const gone = fold.gone.get(`${id}/${index}`)
        if (gone === undefined || gone > read.from) continue
        broken(
          returnedName,
          `${read.node}: ${keyText(key)} shows a version that was overwritten at position ${gone}`
        )
      }
    }
  })
}

const bytesName = 'damaged bytes are never read'

export function readBytes(ledger: Ledger): Checker {
  return ofReads(bytesName, ledger, (read, fold) => {
    for (const { key, cell } of cellsOf(read)) {
      for (const { id, index, value } of cell.heads) {
        const batch = fold.order.find(other => other.id.startsWith(id))
        const op = batch && ledger.graph.ops(batch)[index]?.op
        const isRight = op !== undefined && equalBytes(op.key, key) && isValue(op.value, value)
        if (!isRight) broken(bytesName, `${read.node}: ${keyText(key)} shows a value that nobody signed`)
      }
    }
  })
}

function isValue(signed: Uint8Array | undefined, read: Uint8Array | undefined): boolean {
  return signed === undefined || read === undefined ? signed === read : equalBytes(signed, read)
}

function cellsOf({ answer, key }: Read): readonly { key: Uint8Array; cell: Cell }[] {
  if (answer.kind === 'scan') return answer.found
  return answer.cell === undefined ? [] : [{ key: key!, cell: answer.cell }]
}
