/**
 * Crashes of a real process at every failpoint, with two other nodes that go on. One victim after the other: the start
 * that follows a crash is the one that the next failpoint is armed in.
 */
import assert from 'node:assert/strict'
import { cp, rm } from 'node:fs/promises'
import type { Failpoint } from '../../src/base/failpoints.js'
import { openOffline } from '../../src/cli/offline.js'
import { connectedTo, equalDigests } from '../support/cluster.js'
import type { Fleet, PeerProcess } from '../support/peer-process.js'
import { until } from '../support/until.js'

/** Milliseconds from the start of a process after a crash to its first read and write: about a second on a quiet machine. */
const SERVES_MS = 30_000
/** Milliseconds for a provoked process to die. */
const DIES_MS = 15_000

/** Who writes until the victim is dead: itself, or another node of whose batches it makes acknowledgements. */
type Provoke = 'own writes' | 'writes of others' | 'stop'

interface Case {
  readonly provoke: Provoke
  /** Failpoints that bring the victim to this one. */
  readonly before?: string
  readonly action?: 'kill' | 'kill-later'
}

const FENCED = 'disk.commit.before-sync:2:throw'

/** Every failpoint, and how a process that runs is brought to it; those of a first start are in power-cut.test.ts. */
export const CASES: Record<Failpoint, Case | 'first start'> = {
  'disk.replace.before-rename': { provoke: 'stop' },
  'disk.replace.after-rename': { provoke: 'stop' },
  'disk.make.before-rename': 'first start',
  'disk.make.after-rename': 'first start',
  'disk.sentinel.before-write': { provoke: 'stop' },
  'disk.commit.before-sync': { provoke: 'own writes' },
  'disk.commit.after-sync': { provoke: 'own writes' },
  'disk.reopen.closed': { provoke: 'own writes', before: FENCED },
  'disk.reopen.opened': { provoke: 'own writes', before: FENCED },
  'store.reopen.before-rewrite': { provoke: 'own writes', before: FENCED },
  'store.epoch.minted': { provoke: 'own writes', before: FENCED },
  'engine.commit.before-told': { provoke: 'own writes' },
  'engine.commit.after-told': { provoke: 'own writes' },
  'engine.apply.durable': { provoke: 'writes of others' },
  'engine.ack.before-send': { provoke: 'writes of others' },
  'engine.ack.after-send': { provoke: 'writes of others', action: 'kill-later' },
  'engine.ack.received': { provoke: 'own writes' },
  'engine.cursor.before-save': { provoke: 'own writes' }
}

export interface Crash {
  readonly name: Failpoint
  readonly case: Case
  /** Which passing kills; those for which it takes a stop have one. */
  readonly passing: number
}

/** `stops`: also those that a clean stop passes, of which the states are taken one by one in test/store/power-cut.test.ts. */
export function crashes(passings: readonly number[], { stops }: { stops: boolean }): Crash[] {
  const all: Crash[] = []
  for (const [name, how] of Object.entries(CASES)) {
    if (how === 'first start' || (how.provoke === 'stop' && !stops)) continue
    const once = how.provoke === 'stop' || how.before !== undefined
    for (const passing of once ? [1] : passings) all.push({ name: name as Failpoint, case: how, passing })
  }
  return all
}

/** Ops of one writer under client ids: what was acknowledged, and what got no answer. */
class Writer {
  readonly acked = new Map<string, string>()
  readonly unanswered = new Set<string>()
  readonly #name: string
  #count = 0

  constructor(name: string) {
    this.#name = name
  }

  /** Writes until `enough` says so; what is not acknowledged is given again, as a program would. */
  async until(peer: PeerProcess, enough: () => boolean): Promise<void> {
    while (!enough()) {
      const id = `${this.#name}-${this.#count++}`
      this.unanswered.add(id)
      await until(`${id} is acknowledged`, DIES_MS, async () => enough() || (await this.put(peer, id)))
    }
  }

  async put(peer: PeerProcess, id: string): Promise<boolean> {
    const op = { id, kind: 'put', key: id, value: id }
    const answer = await peer.request('POST', '/p2p/ops', { from: 'load', ops: [op] }).catch(() => undefined)
    if (answer?.status !== 200 || !answer.body.acked_ids.includes(id)) return false
    this.acked.set(id, id)
    this.unanswered.delete(id)
    return true
  }
}

/** Three nodes; `dies` is called once per crash. The victims share one directory. */
export async function atEachFailpoint(
  fleet: Fleet,
  list: readonly Crash[],
  told: (crash: Crash, what: string) => void
): Promise<void> {
  const b = await fleet.start('b')
  const c = await fleet.start('c', ['--bootstrap', b.addr])
  const dataDir = await fleet.dir('victim')
  let victim = await startVictim(fleet, dataDir, b, list[0])
  for (const [index, crash] of list.entries()) {
    const what = `${crash.name}:${crash.passing}`
    for (const peer of [victim, b, c]) await connectedTo(peer, 2)
    const writer = new Writer(`${what}-${index}`)
    await dieAt(crash, victim, b, writer)
    const kept = await acknowledgedBy(victim, b, crash, writer)
    await holdsOffline(fleet, dataDir, kept, what)
    const startedAt = performance.now()
    victim = await startVictim(fleet, dataDir, b, list[index + 1])
    assert.equal(await victim.value([...kept][0] ?? 'none'), [...kept][0], `${what}: a first read`)
    for (const id of writer.unanswered) assert.ok(await writer.put(victim, id), `${what}: ${id} given again`)
    const servedMs = performance.now() - startedAt
    assert.ok(servedMs < SERVES_MS, `${what}: serves after ${servedMs} ms`)
    await equalDigests([victim, b, c])
    for (const peer of [victim, c]) await tookEffectOnce(peer, writer, what)
    told(
      crash,
      `${writer.acked.size} acknowledged, ${kept.size} on disk, serves after ${servedMs.toFixed(0)} ms`
    )
  }
}

async function startVictim(
  fleet: Fleet,
  dataDir: string,
  hub: PeerProcess,
  next: Crash | undefined
): Promise<PeerProcess> {
  const args = ['--bootstrap', hub.addr]
  if (next === undefined) return fleet.start('victim', args)
  const { name, passing, case: how } = next
  const orders = [how.before, `${name}:${passing}:${how.action ?? 'kill'}`].filter(one => one !== undefined)
  return fleet.startWith({ dataDir, args, env: { NATTER_FAILPOINT: ['on-signal', ...orders].join(',') } })
}

async function dieAt(crash: Crash, victim: PeerProcess, other: PeerProcess, writer: Writer): Promise<void> {
  let dead = false
  const ended = victim.ended.then(code => {
    dead = true
    assert.equal(code, null, `${crash.name}: ended by a signal, not with ${code}`)
  })
  process.kill(victim.ready.pid, 'SIGUSR2')
  await until('the failpoint is armed', DIES_MS, () => victim.stderr.includes('failpoints armed'))
  const { provoke } = crash.case
  const writing = writer.until(
    provoke === 'writes of others' ? other : victim,
    () => dead || (provoke === 'stop' && writer.acked.size >= 3)
  )
  if (provoke === 'stop') {
    await writing
    await victim.stop()
  }
  await until(`death at ${crash.name}`, DIES_MS, () => dead)
  await writing
  await ended
  assert.ok(victim.stderr.includes(`failpoint ${crash.name}: `), victim.stderr)
}

/** What the victim acknowledged: to its writer, or to the other node whose receipts name it. */
async function acknowledgedBy(
  victim: PeerProcess,
  other: PeerProcess,
  crash: Crash,
  writer: Writer
): Promise<Set<string>> {
  if (crash.case.provoke !== 'writes of others') return new Set(writer.acked.keys())
  const kept = new Set<string>()
  for (const id of writer.acked.keys()) {
    const { body } = await other.get(`/ops/${encodeURIComponent(id)}`)
    if (body.acks.some((ack: { peer: string }) => ack.peer === victim.peerId)) kept.add(id)
  }
  if (crash.case.action === 'kill-later') assert.ok(kept.size > 0, 'the acknowledgement had left')
  return kept
}

/** The directory as it lies there, before the victim may ask others: looked at in a copy. */
async function holdsOffline(
  fleet: Fleet,
  dataDir: string,
  ids: ReadonlySet<string>,
  what: string
): Promise<void> {
  const copy = await fleet.dir('copy')
  await cp(dataDir, copy, { recursive: true })
  const there = new Set<string>()
  {
    await using offline = await openOffline(copy)
    for await (const page of offline.cells('')) for (const { key } of page) there.add(key)
    const report = await offline.store.verify()
    assert.deepEqual(report.damage, [], what)
  }
  await rm(copy, { recursive: true })
  const lost = [...ids].filter(id => !there.has(id))
  assert.deepEqual(lost, [], `${what}: acknowledged and not on disk`)
}

async function tookEffectOnce(peer: PeerProcess, writer: Writer, what: string): Promise<void> {
  for (const [key, value] of writer.acked) {
    assert.equal(await peer.value(key), value, `${what}: ${key}`)
    const { body } = await peer.get(`/kv/${encodeURIComponent(key)}/history`)
    assert.equal(body.history.length, 1, `${what}: effects of ${key}`)
  }
}
