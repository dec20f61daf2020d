/**
 * A process that opens damaged data directories, one after the other, and tells what came of each: LevelDB may abort
 * over one, and that must not take the campaign along. First message: what the directories held; then one order each.
 */
import { isNatterError, messageOf, utf8, withLimits } from '../../src/base/index.js'
import type { NatterNode } from '../../src/index.js'
import { createNode } from '../../src/index.js'
import { openGround } from '../../src/node/ground.js'
import { verifyDirectory } from '../../src/node/verify-directory.js'
import type { Store } from '../../src/store/index.js'
import { until } from '../support/until.js'

/** What the directory held before it was damaged, and the node that holds the same. */
export interface Whole {
  /** By key; null for one that was deleted. */
  readonly values: Readonly<Record<string, unknown>>
  readonly frontierDigest: string
  readonly stateDigest: string
  readonly peerId: string
  readonly peerAddr: string
}

export interface Order {
  readonly dataDir: string
  /** Repaired while the node runs, where it does; otherwise before it is started. */
  readonly online: boolean
}

export interface Told {
  /** Why the directory was not opened. */
  refused?: { code: string; message: string }
  /** Keys that show something else than was written, without an error. */
  wrong: string[]
  /** Codes of reads that were refused. */
  refusedReads: string[]
  /** Faults that verification listed. */
  faults: string[]
  /** Everything is as it was. */
  intact: boolean
  /** After repair and after the peer was met everything is as it was; the key and the network are the same. */
  mended: boolean
  /** Why it is not. */
  end: string
}

/** Milliseconds for what a peer has to come back. */
const MEND_MS = 20_000

let whole: Whole

async function look({ dataDir, online }: Order): Promise<Told> {
  const told: Told = { wrong: [], refusedReads: [], faults: [], intact: false, mended: false, end: '' }
  try {
    const ground = await openGround({ dataDir }, withLimits())
    try {
      await lookInside(ground.store, told)
    } finally {
      await ground.close()
    }
  } catch (error) {
    told.refused = { code: codeOf(error), message: messageOf(error) }
  }
  if (!told.intact) await mend(dataDir, online && told.refused === undefined, told)
  return told
}

async function lookInside(store: Store, told: Told): Promise<void> {
  for (const [key, value] of Object.entries(whole.values)) {
    try {
      const shown = (await store.get(utf8(key)))?.winner?.value
      const text = shown === undefined ? 'null' : new TextDecoder().decode(shown)
      if (text !== JSON.stringify(value)) told.wrong.push(key)
    } catch (error) {
      told.refusedReads.push(codeOf(error))
    }
  }
  try {
    const walk = store.iterate({})
    const cells = await walk.next(1000).finally(() => walk.close())
    const present = cells.filter(({ cell }) => cell.winner?.value !== undefined)
    const written = Object.values(whole.values).filter(value => value !== null)
    if (present.length > written.length) told.wrong.push('a key that was never written')
    if (present.length < written.length) told.wrong.push('the listing lacks keys')
  } catch (error) {
    told.refusedReads.push(codeOf(error))
  }
  told.faults = (await store.verify()).damage.map(({ where, what }) => `${where}: ${what}`)
  told.intact =
    told.wrong.length + told.refusedReads.length + told.faults.length === 0 &&
    store.frontierDigest() === whole.frontierDigest &&
    store.stateDigest() === whole.stateDigest
}

/** What a person does: repairs the directory, or the node while it runs, and lets it meet its peer. */
async function mend(dataDir: string, online: boolean, told: Told): Promise<void> {
  try {
    if (!online) await verifyDirectory(dataDir, { repair: true })
    const node = await createNode({ dataDir, mdns: false })
    try {
      await node.connect(whole.peerAddr)
      if (online) await node.verify({ repair: true })
      await until('the directory is as it was', MEND_MS, () => isWhole(node, told))
      told.mended = true
    } finally {
      await node.stop()
    }
  } catch (error) {
    told.end = `${told.end} ${codeOf(error)} ${messageOf(error)}`
  }
}

async function isWhole(node: NatterNode, told: Told): Promise<boolean> {
  const { frontierDigest, stateDigest } = await node.status()
  told.end = 'another frontier'
  if (frontierDigest !== whole.frontierDigest) return false
  told.end = 'another state'
  if (stateDigest !== whole.stateDigest) return false
  const { damage } = await node.verify()
  told.end = damage.map(({ where, what }) => `${where}: ${what}`).join('; ')
  if (damage.length > 0) return false
  const keys = Object.keys(whole.values)
  const values = await node.db.getMany(keys)
  told.end = 'other values'
  if (keys.some((key, i) => JSON.stringify(values[i] ?? null) !== JSON.stringify(whole.values[key])))
    return false
  told.end = node.peerId === whole.peerId ? '' : 'another node'
  return told.end === ''
}

function codeOf(error: unknown): string {
  return isNatterError(error) ? error.code : 'no code:'
}

process.on('message', (message: Whole | Order) => {
  if ('values' in message) {
    whole = message
    return
  }
  look(message).then(
    told => process.send!(told),
    error => process.send!({ failed: error instanceof Error ? error.stack : String(error) })
  )
})
