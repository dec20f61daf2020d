/**
 * One repetition of each kind of work on one system: processes are started for it, stores are made for it, and both are
 * gone afterwards. A session gives one or more figures.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Measured, Work } from './figures.js'
import { folderBytes } from './folder-bytes.js'
import type { Done } from './host.js'
import { Remote } from './remote.js'
import type { System } from './systems.js'

/** Entries of the measurements that speak of 10^5. */
const LARGE = 100_000

export interface Scale {
  readonly repetitions: number
  /** Milliseconds that a load may take. */
  readonly capMs: number
  /** Milliseconds that B may take to have it all. */
  readonly arriveMs: number
  readonly puts: number
  readonly bulk: number
  readonly seen: number
}

export const FULL: Scale = {
  repetitions: 3,
  capMs: 5000,
  arriveMs: 30_000,
  puts: 5000,
  bulk: LARGE,
  seen: 200
}

export const QUICK: Scale = {
  repetitions: 1,
  capMs: 2000,
  arriveMs: 10_000,
  puts: 500,
  bulk: 10_000,
  seen: 40
}

/** Entries of the measurements that speak of 10^4. */
const SMALL = 10_000
/** Entries that B lacks in the measurement of a difference. */
const BEHIND = 100
/** Puts before the clock starts, at both ends, so that a compiler's warming up is nobody's. */
const WARM_UP = 2000
/** Entries that A has when B comes for the first time. */
const FIRST = 100
/** Milliseconds between two writes whose way to B is timed. */
const GAP_MS = 20
/** Milliseconds until what ends a round has been sent as well. */
const ROUND_MS = 250

export interface Session {
  readonly name: string
  readonly works: readonly Work[]
  /** Left out of a quick run. */
  readonly long?: true
  run(system: System, scale: Scale): Promise<Measured[]>
}

/** What a session works with: processes that end with it, folders that are removed with it. */
class Stage {
  readonly #remotes: Remote[] = []
  readonly #root = mkdtempSync(join(tmpdir(), 'natter-peers-'))
  readonly system: System

  constructor(system: System) {
    this.system = system
  }

  folder(name: 'a' | 'b'): string {
    const folder = join(this.#root, name)
    mkdirSync(folder, { recursive: true })
    return folder
  }

  async process(): Promise<Remote> {
    const remote = await Remote.start(this.system.id)
    this.#remotes.push(remote)
    return remote
  }

  /** A process with the store of A or B open. */
  async opened(name: 'a' | 'b', id?: string): Promise<Remote> {
    const remote = await this.process()
    await remote.call('open', { folder: this.folder(name), ...(id !== undefined && { id }) })
    return remote
  }

  /** The most entries that this system is asked for. */
  most(count: number): number {
    return Math.min(count, this.system.entries ?? count)
  }

  async end(): Promise<void> {
    await Promise.all(this.#remotes.map(remote => remote.kill()))
    rmSync(this.#root, { recursive: true, force: true })
  }
}

function session(
  name: string,
  works: readonly Work[],
  run: (stage: Stage, scale: Scale) => Promise<Measured[]>
): Session {
  return {
    name,
    works,
    async run(system, scale) {
      const stage = new Stage(system)
      try {
        return await run(stage, scale)
      } finally {
        await stage.end()
      }
    }
  }
}

function rate(work: Work, { count, startedAtMs, endedAtMs }: Done): Measured {
  return { work, value: (count * 1000) / (endedAtMs - startedAtMs), entries: count }
}

function diskOf(work: Work, folder: string, entries: number): Measured {
  return { work, value: folderBytes(folder) / entries, entries }
}

/** Milliseconds from opening in a fresh process to the first value. */
async function firstRead(stage: Stage, work: Work, entries: number): Promise<Measured> {
  const again = await stage.process()
  const ms = await again.call('open', { folder: stage.folder('a'), firstRead: Math.floor(entries / 2) })
  await again.call('check', { count: entries })
  await again.end()
  return { work, value: ms, entries }
}

const puts = session('put', ['put', 'disk-single'], async (stage, { puts, capMs }) => {
  const a = await stage.opened('a')
  await a.call('puts', { from: 0, count: WARM_UP, capMs })
  const done = await a.call('puts', { from: WARM_UP, count: puts, capMs })
  const entries = WARM_UP + done.count
  await a.call('check', { count: entries })
  await a.call('settle')
  await a.end()
  return [rate('put', done), diskOf('disk-single', stage.folder('a'), entries)]
})

const bulk = session('bulk', ['bulk', 'memory', 'disk-1e5', 'open-1e5'], async (stage, scale) => {
  const a = await stage.opened('a')
  const done = await a.call('load', { from: 0, count: stage.most(scale.bulk), capMs: scale.capMs })
  const entries = done.count
  const bytes = await a.call('memory')
  await a.end()
  const measured = [rate('bulk', done), { work: 'memory', value: bytes / 2 ** 20, entries } as const]
  if (entries < LARGE) return measured
  return [
    ...measured,
    diskOf('disk-1e5', stage.folder('a'), entries),
    await firstRead(stage, 'open-1e5', entries)
  ]
})

const open = session('open', ['open-1e4', 'disk-1e4'], async (stage, { capMs }) => {
  const a = await stage.opened('a')
  const { count } = await a.call('load', { from: 0, count: stage.most(SMALL), capMs })
  await a.call('settle')
  await a.end()
  const disk = diskOf('disk-1e4', stage.folder('a'), count)
  return [await firstRead(stage, 'open-1e4', count), disk]
})

const live = session('live', ['seen-p50', 'seen-p99', 'live-put', 'live'], async (stage, scale) => {
  const { capMs, arriveMs, seen, puts } = scale
  const a = await stage.opened('a')
  let at = (await a.call('puts', { from: 0, count: FIRST, capMs })).count
  const card = await a.call('listen')
  const b = await stage.opened('b', card.id)
  await b.call('join', card)
  await mustArrive(b, at, arriveMs)
  at += (await a.call('puts', { from: at, count: stage.most(WARM_UP), capMs })).count
  await mustArrive(b, at, arriveMs)
  await b.call('watch')
  const begun = await a.call('paced', { from: at, count: seen, gapMs: GAP_MS })
  at += seen
  await mustArrive(b, at, arriveMs)
  const delays = Object.entries(await b.call('seen', { count: seen })).map(
    ([key, atMs]) => atMs - begun[Number(key.slice(2)) - at + seen]!
  )
  if (delays.length < seen) throw new Error(`B was told of ${delays.length} of ${seen} writes`)
  delays.sort((x, y) => x - y)
  const measured: Measured[] = [
    { work: 'seen-p50', value: delays[Math.floor(seen * 0.5)]!, entries: seen },
    { work: 'seen-p99', value: delays[Math.floor(seen * 0.99)]!, entries: seen }
  ]
  for (const [work, call, count] of [
    ['live-put', 'puts', puts],
    ['live', 'load', SMALL]
  ] as const) {
    const done = await a.call(call, { from: at, count: stage.most(count), capMs })
    measured.push(await arrival(b, work, at, done, arriveMs))
    at += done.count
    await mustArrive(b, at, arriveMs)
  }
  await b.call('check', { count: at })
  return measured
})

async function mustArrive(b: Remote, count: number, timeoutMs: number): Promise<void> {
  const arrived = await b.call('arrived', { count, timeoutMs })
  if (arrived.count < count) throw new Error(`B has ${arrived.count} of ${count} after ${timeoutMs / 1000} s`)
}

/** The rate from the start of `done` until B has it; of what it has by then, when that takes too long. */
async function arrival(
  b: Remote,
  work: Work,
  before: number,
  done: Done,
  timeoutMs: number
): Promise<Measured> {
  const wanted = before + done.count
  const { count, atMs } = await b.call('arrived', { count: wanted, timeoutMs })
  const here = Math.min(count, wanted) - before
  const value = (here * 1000) / (atMs - done.startedAtMs)
  if (here === done.count) return { work, value, entries: here }
  return { work, value, entries: here, note: `${here} of ${done.count} in ${Math.round(timeoutMs / 1000)} s` }
}

/** A with `count` entries, listening; how many there are. */
async function filled(stage: Stage, count: number, capMs: number): Promise<{ a: Remote; count: number }> {
  const a = await stage.opened('a')
  const done = await a.call('load', { from: 0, count: stage.most(count), capMs })
  await a.call('settle')
  return { a, count: done.count }
}

/** Both are stopped, A writes some more, both are opened again: B lacks these. */
async function fallBehind(stage: Stage, a: Remote, b: Remote, count: number, capMs: number) {
  await b.call('settle')
  await b.end()
  await a.call('puts', { from: count, count: BEHIND, capMs })
  await a.call('settle')
  await a.end()
  const again = await stage.opened('a')
  const card = await again.call('listen')
  return { card, b: await stage.opened('b', card.id) }
}

const catchUp = session('catchup', ['catchup-1e4', 'delta'], async (stage, { capMs, arriveMs }) => {
  const { a, count } = await filled(stage, SMALL, capMs)
  const card = await a.call('listen')
  const b = await stage.opened('b', card.id)
  const joined = await b.call('join', card)
  const fresh = await arrival(b, 'catchup-1e4', 0, { count, endedAtMs: 0, ...joined }, arriveMs)
  await mustArrive(b, count, arriveMs)
  await b.call('check', { count })

  const behind = await fallBehind(stage, a, b, count, capMs)
  const { startedAtMs } = await behind.b.call('join', behind.card)
  const arrived = await behind.b.call('arrived', { count: count + BEHIND, timeoutMs: arriveMs })
  if (arrived.count < count + BEHIND) throw new Error(`B has ${arrived.count} of ${count + BEHIND}`)
  await behind.b.call('check', { count: count + BEHIND })
  return [fresh, { work: 'delta', value: arrived.atMs - startedAtMs, entries: count }]
})

const catchUpLarge = session('catchup-large', ['catchup-1e5'], async (stage, { capMs, arriveMs }) => {
  if (stage.most(LARGE) < LARGE) return []
  const { a, count } = await filled(stage, LARGE, capMs)
  if (count < LARGE) return []
  const card = await a.call('listen')
  const b = await stage.opened('b', card.id)
  const joined = await b.call('join', card)
  const measured = await arrival(b, 'catchup-1e5', 0, { count, endedAtMs: 0, ...joined }, arriveMs)
  await mustArrive(b, count, arriveMs)
  await b.call('check', { count })
  return [measured]
})

const wire = session('wire', ['wire', 'delta-bytes', 'delta-round'], async (stage, { capMs, arriveMs }) => {
  const { startProxy } = await import('./proxy.js')
  const { a, count } = await filled(stage, SMALL, capMs)
  const through = async (b: Remote, card: { port: number; id: string }, wanted: number) => {
    const proxy = await startProxy(card.port)
    await b.call('join', { ...card, port: proxy.port })
    await mustArrive(b, wanted, arriveMs)
    await new Promise(resolve => setTimeout(resolve, ROUND_MS))
    return proxy
  }
  const card = await a.call('listen')
  const b = await stage.opened('b', card.id)
  const first = await through(b, card, count)
  const measured: Measured[] = [{ work: 'wire', value: first.bytes() / count, entries: count }]

  const behind = await fallBehind(stage, a, b, count, capMs)
  await first.close()
  const second = await through(behind.b, behind.card, count + BEHIND)
  measured.push({ work: 'delta-bytes', value: second.bytes(), entries: count })
  const round = await behind.b.call('roundBytes')
  if (round > 0) measured.push({ work: 'delta-round', value: round, entries: count })
  await behind.b.end()
  await second.close()
  return measured
})

export const SESSIONS: readonly Session[] = [
  puts,
  bulk,
  open,
  live,
  catchUp,
  { ...catchUpLarge, long: true },
  wire
]
