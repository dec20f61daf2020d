/**
 * Random bit flips over all files of a data directory, each on a fresh copy, with a peer that holds the same. Nothing
 * that was flipped may be served, taken for an empty database, end the process, or reach the peer.
 */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { cp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { NatterNode } from '../../src/index.js'
import { createNode } from '../../src/index.js'
import { newestLog, sizeOf } from '../store/power-cut.js'
import { inFastFolder } from '../support/folders.js'
import { seededFractions } from '../support/random.js'
import { until } from '../support/until.js'
import type { Order, Told, Whole } from './damage-process.js'

const PROCESS = fileURLToPath(new URL('./damage-process.js', import.meta.url))
/** Milliseconds after which a process that says nothing hangs. */
const ANSWERS_MS = 30_000
/** Lives of the node before it is damaged: each leaves a table, the last one a log. */
const LIVES = 3

/** Files by what they are, and how many of 100 flips go there. */
const SHARES: Readonly<Record<string, number>> = {
  table: 34,
  log: 22,
  MANIFEST: 12,
  CURRENT: 4,
  LOG: 2,
  'natter.json': 8,
  'identity.key': 4,
  'settings.json': 8,
  lock: 4,
  other: 2
}

export function kindOf(file: string): string {
  if (/\.(ldb|sst)$/.test(file)) return 'table'
  if (/\d\.log$/.test(file)) return 'log'
  if (/MANIFEST-/.test(file)) return 'MANIFEST'
  const name = file.split('/').at(-1)!
  return name in SHARES ? name : 'other'
}

export interface Flip {
  readonly file: string
  readonly bit: number
}

/** A directory as a running node left it, the node that holds the same, and what both hold. */
export class Prepared {
  readonly root: string
  readonly whole: Whole
  readonly files: readonly { file: string; bytes: number }[]
  /** Where the newest commit begins in the log. */
  readonly newestAt: number
  readonly #peer: NatterNode

  private constructor(
    root: string,
    whole: Whole,
    files: Prepared['files'],
    newestAt: number,
    peer: NatterNode
  ) {
    this.root = root
    this.whole = whole
    this.files = files
    this.newestAt = newestAt
    this.#peer = peer
  }

  static async make(root: string): Promise<Prepared> {
    const values: Record<string, unknown> = {}
    const options = { mdns: false, network: 'flips', name: 'damaged' } as const
    const peer = await createNode({ ...options, name: 'whole', dataDir: join(root, 'peer') })
    const [peerAddr] = (await peer.status()).addrs
    assert.ok(peerAddr !== undefined)
    let peerId = ''
    let newestAt = 0
    for (let life = 0; life < LIVES; life++) {
      const node = await createNode({ ...options, dataDir: join(root, 'live') })
      peerId = node.peerId
      await node.connect(peerAddr)
      await fill(node, peer, life, values)
      await inSync(node, peer)
      if (life === LIVES - 1) {
        newestAt = sizeOf(newestLog(join(root, 'live', 'db')))
        await node.db.put('newest', life)
        values['newest'] = life
        await inSync(node, peer)
        await cp(join(root, 'live'), join(root, 'whole'), { recursive: true })
      }
      await node.stop()
    }
    const { frontierDigest, stateDigest } = await peer.status()
    const whole = { values, frontierDigest, stateDigest, peerId, peerAddr }
    return new Prepared(root, whole, await filesOf(join(root, 'whole')), newestAt, peer)
  }

  /** The peer took nothing from any of the damaged. */
  async peerIsWhole(): Promise<void> {
    const { frontierDigest, stateDigest } = await this.#peer.status()
    assert.deepEqual([frontierDigest, stateDigest], [this.whole.frontierDigest, this.whole.stateDigest])
  }

  async end(): Promise<void> {
    await this.#peer.stop()
  }
}

/** Writes of every sort: values, overwritten ones, deletes, batches, ids, conflicts. */
async function fill(
  node: NatterNode,
  peer: NatterNode,
  life: number,
  values: Record<string, unknown>
): Promise<void> {
  const put = (key: string, value: unknown): void => {
    values[key] = value
  }
  for (let i = 0; i < 24; i++) {
    const writer = i % 3 === 0 ? peer : node
    const key = `${life}/${i}`
    const value = { life, i, text: `${key} `.repeat(40) }
    await writer.write([{ type: 'put', key, value }], { id: key })
    put(key, value)
  }
  await node.db.batch([
    { type: 'put', key: 'shared', value: life },
    { type: 'put', key: `${life}/batch`, value: [life] },
    { type: 'del', key: `${life}/1` }
  ])
  put('shared', life)
  put(`${life}/batch`, [life])
  put(`${life}/1`, null)
}

async function inSync(node: NatterNode, peer: NatterNode): Promise<void> {
  await until('both hold the same', 10_000, async () => {
    const [a, b] = await Promise.all([node.status(), peer.status()])
    return a.frontierDigest === b.frontierDigest && a.stateDigest === b.stateDigest
  })
}

async function filesOf(folder: string): Promise<{ file: string; bytes: number }[]> {
  const files: { file: string; bytes: number }[] = []
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const { size } = await stat(path)
    if (size > 0) files.push({ file: path.slice(folder.length + 1), bytes: size })
  }
  return files.sort((a, b) => (a.file < b.file ? -1 : 1))
}

/** Flips by seed: first the kind of file by its share, then the file, then the bit. */
export function* flipsOf(files: Prepared['files'], seed: number, count: number): Generator<Flip> {
  const fraction = seededFractions(seed)
  const shares = Object.entries(SHARES).filter(([kind]) => files.some(({ file }) => kindOf(file) === kind))
  const all = shares.reduce((sum, [, share]) => sum + share, 0)
  for (let n = 0; n < count; n++) {
    let at = fraction() * all
    const [kind] = shares.find(([, share]) => {
      at -= share
      return at < 0
    })!
    const ofKind = files.filter(({ file }) => kindOf(file) === kind)
    const { file, bytes } = ofKind[Math.floor(fraction() * ofKind.length)]!
    yield { file, bit: Math.floor(fraction() * bytes * 8) }
  }
}

/** What came of a flip: the words of the table. */
export type Outcome =
  | 'unaffected'
  | 'detected, mended'
  /** The newest commit is as after a power cut that tore it, which nothing here can tell apart; a peer had it. */
  | 'newest commit dropped, refetched'
  /** A file that no log and no peer can make again: the reason names it. */
  | 'refused by name'
  /** LevelDB ended the process, and a later start refused the directory, which then was mended. */
  | 'ended, then mended'
  | 'FAILED'

/** Files that hold what only this directory knows. */
const IRREPLACEABLE = ['natter.json', 'identity.key', 'settings.json']
/** Starts of a directory over which the process ends, until it is refused. */
const STARTS = 3

/** Flips one bit after the other and judges each; `done` is told of each. */
export async function flipBits(
  prepared: Prepared,
  flips: Iterable<Flip>,
  done: (flip: Flip, outcome: Outcome, told: Told | string) => void
): Promise<void> {
  const looker = new Looker(prepared.whole)
  const copy = join(prepared.root, 'copy')
  let online = false
  try {
    for (const flip of flips) {
      await cp(join(prepared.root, 'whole'), copy, { recursive: true })
      const path = join(copy, flip.file)
      const bytes = await readFile(path)
      bytes[flip.bit >> 3]! ^= 1 << (flip.bit & 7)
      await writeFile(path, bytes)
      online = !online
      let told = await looker.look({ dataDir: copy, online })
      let starts = 1
      for (; typeof told === 'string' && starts < STARTS; starts++)
        told = await looker.look({ dataDir: copy, online })
      done(flip, judge(prepared, flip, told, starts), told)
      await prepared.peerIsWhole()
      await rm(copy, { recursive: true, force: true })
    }
  } finally {
    looker.end()
  }
}

/** The whole campaign: prints outcomes by kind of file, and fails with every flip that ended wrong. */
export async function flipCampaign(seed: number, count: number, tell: (line: string) => void): Promise<void> {
  await inFastFolder(async root => {
    const prepared = await Prepared.make(root)
    const outcomes = new Map<string, number>()
    const failed: string[] = []
    try {
      await flipBits(prepared, flipsOf(prepared.files, seed, count), (flip, outcome, told) => {
        const row = `${kindOf(flip.file)}: ${outcome}`
        outcomes.set(row, (outcomes.get(row) ?? 0) + 1)
        if (outcome === 'FAILED')
          failed.push(`${flip.file}, bit ${flip.bit & 7} of byte ${flip.bit >> 3}: ${JSON.stringify(told)}`)
      })
    } finally {
      await prepared.end()
    }
    for (const row of [...outcomes.keys()].sort()) tell(`${row} ${outcomes.get(row)}`)
    assert.deepEqual(failed, [])
  })
}

function judge(prepared: Prepared, { file, bit }: Flip, told: Told | string, starts: number): Outcome {
  if (typeof told === 'string') return 'FAILED'
  const { refused, wrong, faults, refusedReads, intact, mended } = told
  if (intact) return starts === 1 ? 'unaffected' : 'FAILED'
  const isNamed =
    refused === undefined ? faults.length + refusedReads.length > 0 : refused.code !== 'no code:'
  const isNewest = kindOf(file) === 'log' && bit >> 3 >= prepared.newestAt
  if (isNewest && refused === undefined && faults.length === 0)
    return mended ? 'newest commit dropped, refetched' : 'FAILED'
  if (!isNamed || wrong.length > 0) return 'FAILED'
  if (mended) return starts === 1 ? 'detected, mended' : 'ended, then mended'
  return IRREPLACEABLE.includes(file) && refused?.message.includes(file) === true
    ? 'refused by name'
    : 'FAILED'
}

/** The process that looks; another one where it died. */
class Looker {
  readonly #whole: Whole
  #child: ChildProcess | undefined

  constructor(whole: Whole) {
    this.#whole = whole
  }

  /** What it told, or how it died. */
  async look(order: Order): Promise<Told | string> {
    this.#child ??= this.#start()
    const child = this.#child
    const gone = new AbortController()
    const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(ANSWERS_MS)])
    child.send(order)
    try {
      const answer = await Promise.race([
        once(child, 'message', { signal }).then(([told]) => told as Told | { failed: string }),
        once(child, 'exit', { signal }).then(([code, by]) => `the process ended: ${code ?? by}`)
      ])
      if (typeof answer === 'string') this.#child = undefined
      return typeof answer === 'object' && 'failed' in answer ? answer.failed : answer
    } catch {
      this.end()
      return `the process said nothing for ${ANSWERS_MS} ms`
    } finally {
      gone.abort()
    }
  }

  end(): void {
    this.#child?.kill('SIGKILL')
    this.#child = undefined
  }

  #start(): ChildProcess {
    const child = fork(PROCESS, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    child.send(this.#whole)
    return child
  }
}
