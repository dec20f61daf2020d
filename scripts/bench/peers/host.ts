/**
 * A process with one store in it and nothing else: loads the driver that its argument names, and does what the runner
 * asks by messages. All clocks stand here, so that messages are in no figure.
 */
import '../../../src/polyfills.js'
import type { Card, Driver } from './driver.js'
import { entriesOf, keyOf, nowMs, pauseMs, valueAt } from './driver.js'
import { systemOf } from './systems.js'

/** Entries of one call of `load`, where the system says nothing else. */
const BATCH = 1000
/** Milliseconds between two looks at how much has arrived. */
const LOOK_AGAIN_MS = 1
/** Milliseconds without work before memory is measured: what the load left behind gets done. */
const QUIET_MS = 2000
/** Milliseconds that an acknowledged entry may take to be readable. */
const SHOWN_MS = 2000
/** Entries that are read back and compared, beside the first and the last. */
const SAMPLES = 20

export interface Work {
  from: number
  count: number
  /** Milliseconds after which no more is begun. */
  capMs: number
}

export interface Done {
  count: number
  startedAtMs: number
  endedAtMs: number
}

export interface Calls {
  /** Opens the store; milliseconds until it is open and, where one is named, an entry was read. */
  open: { argument: { folder: string; id?: string; firstRead?: number }; answer: number }
  /** Awaited puts, one after the other. */
  puts: { argument: Work; answer: Done }
  load: { argument: Work; answer: Done }
  /** Puts with a pause between; when each began. */
  paced: { argument: { from: number; count: number; gapMs: number }; answer: number[] }
  listen: { argument: undefined; answer: Card }
  join: { argument: Card; answer: { startedAtMs: number } }
  watch: { argument: undefined; answer: undefined }
  /** When each key was seen since `watch`, once there are so many. */
  seen: { argument: { count: number }; answer: Record<string, number> }
  /** Resolves when so many entries can be read here, or the time is over. */
  arrived: { argument: { count: number; timeoutMs: number }; answer: { count: number; atMs: number } }
  /** Reads some of the first `count` entries back and compares them. */
  check: { argument: { count: number }; answer: undefined }
  roundBytes: { argument: undefined; answer: number }
  /** Resident bytes once the work has settled and garbage is collected. */
  memory: { argument: undefined; answer: number }
  settle: { argument: undefined; answer: undefined }
  close: { argument: undefined; answer: undefined }
}

type Handlers = { [K in keyof Calls]: (argument: Calls[K]['argument']) => Promise<Calls[K]['answer']> }

async function repeat({ from, count, capMs }: Work, step: (n: number, left: number) => Promise<number>) {
  const startedAtMs = nowMs()
  let done = 0
  while (done < count && nowMs() - startedAtMs < capMs) done += await step(from + done, count - done)
  return { count: done, startedAtMs, endedAtMs: nowMs() }
}

async function residentBytes(pids: readonly number[]): Promise<number> {
  const { readFileSync } = await import('node:fs')
  const kilobytes = (pid: number) =>
    Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  return pids.reduce((sum, pid) => sum + kilobytes(pid) * 1024, 0)
}

function handlersOf(driver: Driver, batch: number): Handlers {
  const seen: Record<string, number> = {}
  return {
    async open({ folder, id, firstRead }) {
      const startedAtMs = nowMs()
      await driver.open(folder, id)
      if (firstRead !== undefined) await compare(driver, firstRead)
      return nowMs() - startedAtMs
    },
    puts: work =>
      repeat(work, async n => {
        await driver.put({ key: keyOf(n), value: valueAt(n) })
        return 1
      }),
    load: work =>
      repeat(work, async (n, left) => {
        const entries = entriesOf(n, Math.min(batch, left))
        await driver.load(entries)
        return entries.length
      }),
    async paced({ from, count, gapMs }) {
      const startedAtMs: number[] = []
      for (let n = from; n < from + count; n++) {
        startedAtMs.push(nowMs())
        await driver.put({ key: keyOf(n), value: valueAt(n) })
        await pauseMs(gapMs)
      }
      return startedAtMs
    },
    listen: () => driver.listen(),
    async join(card) {
      const startedAtMs = nowMs()
      await driver.join(card)
      return { startedAtMs }
    },
    async watch() {
      await driver.watch(key => {
        seen[key] ??= nowMs()
      })
      return undefined
    },
    async seen({ count }) {
      const deadlineMs = nowMs() + SHOWN_MS
      while (Object.keys(seen).length < count && nowMs() < deadlineMs) await pauseMs(LOOK_AGAIN_MS)
      return seen
    },
    async arrived({ count, timeoutMs }) {
      const deadlineMs = nowMs() + timeoutMs
      for (;;) {
        const here = await driver.count()
        const atMs = nowMs()
        if (here >= count || atMs > deadlineMs) return { count: here, atMs }
        await pauseMs(LOOK_AGAIN_MS)
      }
    },
    async check({ count }) {
      const step = Math.max(1, Math.floor(count / SAMPLES))
      for (let n = 0; n < count; n += step) await compare(driver, n)
      await compare(driver, count - 1)
      return undefined
    },
    roundBytes: async () => driver.roundBytes?.() ?? 0,
    async memory() {
      await driver.settle()
      await pauseMs(QUIET_MS)
      for (let i = 0; i < 3; i++) globalThis.gc?.()
      await pauseMs(QUIET_MS / 4)
      return residentBytes(driver.processes?.() ?? [process.pid])
    },
    async settle() {
      await driver.settle()
      return undefined
    },
    async close() {
      await driver.close()
      return undefined
    }
  }
}

/** Not every system shows a write at once when it has acknowledged it: it is looked for a moment longer. */
async function compare(driver: Driver, n: number): Promise<void> {
  const deadlineMs = nowMs() + SHOWN_MS
  for (;;) {
    const value = await driver.get(keyOf(n))
    if (value === valueAt(n)) return
    if (value !== undefined || nowMs() > deadlineMs) {
      throw new Error(`${keyOf(n)} reads ${value?.slice(0, 20) ?? 'nothing'}`)
    }
    await pauseMs(LOOK_AGAIN_MS)
  }
}

const [name = ''] = process.argv.slice(2)
const { create, batch = BATCH } = systemOf(name)
const handlers = handlersOf(await create(), batch)
process.on('message', async ({ call, argument }: { call: keyof Calls; argument: never }) => {
  try {
    process.send!({ answer: await handlers[call](argument) })
  } catch (error) {
    process.send!({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
})
process.once('disconnect', () => process.exit(0))
process.send!({ answer: undefined })
