/**
 * No phantoms: every op that a node applied was asked for by a client of its author, and every batch of an honest author
 * was signed by it. What a liar made in its own name is its own.
 */
import { nodeCrypto } from '../../../src/base/crypto-node.js'
import { toHex } from '../../../src/base/index.js'
import type { Batch } from '../../../src/log/index.js'
import { clientIdHash } from '../../../src/log/index.js'
import type { Checker } from '../world.js'
import { batchText, broken, keyText } from './broken.js'
import type { Ledger } from './ledger.js'
import { nodeOf } from './ledger.js'

const name = 'no phantoms'

export function phantom(ledger: Ledger): Checker {
  const signed = new Set<string>()
  const asked = new Set<string>()
  const honest = new Set<string>()
  const seen = new Set<Batch['id']>()

  const check = (node: string, batch: Batch): void => {
    const { author } = batch.header
    if (seen.has(batch.id) || !honest.has(author)) return
    seen.add(batch.id)
    if (!signed.has(batch.id))
      broken(name, `${node} applied ${batchText(batch)}, which its author did not sign`)
    for (const { op, key, client } of ledger.graph.ops(batch)) {
      const content = contentOf(author, op.kind, key, op.value, client?.id)
      if (asked.has(content)) continue
      broken(name, `${node}: nobody asked for the op on ${keyText(key)} in ${batchText(batch)}`)
    }
  }

  ledger.onFound(({ node, after }) => {
    for (const batch of after) check(node.name, batch)
  })

  return {
    name,
    onEvent(event, world) {
      for (const node of world.nodes) if (node.honest) honest.add(node.author)
      if (event.type === 'signed') signed.add(event.id)
      if (event.type === 'invoke' && event.call.kind === 'write') {
        const { author } = nodeOf(world, event.node)
        const { ops, id } = event.call.write
        const idHash = id === undefined ? undefined : clientIdHash(id, nodeCrypto)
        for (const { kind, key, value } of ops) asked.add(contentOf(author, kind, toHex(key), value, idHash))
      }
      if (event.type === 'commit') for (const { batch } of event.notice.applied) check(event.node, batch)
    }
  }
}

function contentOf(
  author: string,
  kind: number,
  key: string,
  value: Uint8Array | undefined,
  id: string | undefined
): string {
  return `${author}/${kind}/${key}/${value === undefined ? '-' : toHex(value)}/${id ?? ''}`
}
