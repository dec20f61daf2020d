/**
 * In the end every node shows the same: the same digests, and for each key the heads, the winner and the bytes of the
 * value that the reference gives over the union of all batches.
 */
import { equalBytes, fromHex } from '../../../src/base/index.js'
import type { Batch } from '../../../src/log/index.js'
import { OP_KIND } from '../../../src/log/index.js'
import type { Store } from '../../../src/store/index.js'
import type { Checker, SimNode, World } from '../world.js'
import { broken, keyText } from './broken.js'
import type { Ledger } from './ledger.js'
import { Fold, nameOf } from './reference.js'

const name = 'convergence'

export function convergence(ledger: Ledger): Checker {
  return {
    name,
    async atEnd(world) {
      const nodes = world.nodes.filter(node => node.honest && node.running && node.store !== undefined)
      const union = new Fold(ledger.graph, unionOf(ledger, nodes))
      for (const node of nodes) {
        const store = node.store!
        if (store.frontierDigest() !== union.frontierDigest()) {
          broken(name, `${node.name} has not all batches: ${lacking(ledger, node, union)}`)
        }
        if (store.stateDigest() !== union.stateDigest()) broken(name, `${node.name} is in another state`)
        await compareCells(ledger, node, store, union)
      }
    }
  }
}

/** All batches of these nodes, each behind what it stands on. */
function unionOf(ledger: Ledger, nodes: World['nodes']): Batch[] {
  const union = new Map<string, Batch>()
  for (const { name: node } of nodes) for (const batch of ledger.fold(node).order) union.set(batch.id, batch)
  return [...union.values()]
}

function lacking(ledger: Ledger, node: SimNode, union: Fold): string {
  const own = ledger.fold(node.name)
  const missing = union.order.filter(({ id }) => !own.has(id)).map(({ id }) => id.slice(0, 12))
  return `${missing.length} of ${union.order.length} are missing, among them ${missing.slice(0, 3).join(', ')}`
}

async function compareCells(ledger: Ledger, node: SimNode, store: Store, union: Fold): Promise<void> {
  for (const [key, heads] of union.heads) {
    const cell = await store.get(fromHex(key))
    const there = (cell?.heads ?? []).map(({ id, index }) => `${id}/${index}`)
    const distinct = new Set(heads.map(head => head.identity ?? nameOf(head)))
    const strange = there.find(one => !heads.some(head => nameOf(head) === one))
    if (there.length !== distinct.size || strange !== undefined) {
      broken(
        name,
        `${node.name}: ${keyText(key)} has ${there.length} versions, the reference ${distinct.size}`
      )
    }
    const winner = union.winner(key)
    const shown = cell?.winner
    // What a kind that is not known means nobody can say: such a winner shows nothing.
    const expected = winner === undefined || winner.op.kind > OP_KIND.del ? undefined : winner.op.value
    // Of several values under `all` a read shows a list of them.
    const isList = ledger.graph.strategy === 'all' && heads.length > 1
    if (isList ? (expected === undefined) === (shown === undefined) : isShown(shown?.value, expected))
      continue
    broken(
      name,
      `${node.name}: ${keyText(key)} does not show ${winner === undefined ? 'nothing' : nameOf(winner)}`
    )
  }
}

function isShown(value: Uint8Array | undefined, expected: Uint8Array | undefined): boolean {
  if (value === undefined || expected === undefined) return value === expected
  return equalBytes(value, expected)
}
