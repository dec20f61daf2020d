/** SIGKILLs at random moments of a process that sends, and a receiver that counts by idempotency key. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Outbox } from '../../src/delivery/index.js'
import { seededFractions } from '../support/random.js'
import { records } from './with-outbox.js'

const PROCESS = fileURLToPath(new URL('./crash-process.js', import.meta.url))
/** Milliseconds after its first word within which a process is killed, and how many are killed before it. */
const LIVES_MS = 250
const CUT_STARTS = 0.15
const STARTS_MS = 300
/** Share of the calls that the receiver takes in and does not answer. */
const UNANSWERED = 0.03
const ANSWERS_MS = 8

interface Call {
  readonly life: number
  answered: boolean
}

export interface DeliveryKills {
  readonly kills: number
  readonly operations: number
  readonly calls: number
  /** Calls under a key that was there before. */
  readonly repeated: number
}

/** Counts calls by key, and answers most of them. */
class Receiver {
  readonly calls = new Map<string, Call[]>()
  readonly broken: string[] = []
  readonly sent = new Set<string>()
  life = 0
  readonly #fraction: () => number
  readonly #server = createServer((request, response) => {
    request.resume()
    request.once('end', () => this.#take(String(request.headers['idempotency-key']), response))
  })

  constructor(fraction: () => number) {
    this.#fraction = fraction
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #take(key: string, response: ServerResponse): void {
    const before = this.calls.get(key) ?? []
    const last = before.at(-1)
    if (last !== undefined && last.life === this.life && last.answered)
      this.broken.push(`${key} came again after an answer in the same life`)
    if (this.sent.has(key)) this.broken.push(`${key} came again after its end was on disk`)
    const call = { life: this.life, answered: false }
    this.calls.set(key, [...before, call])
    if (this.#fraction() < UNANSWERED) {
      response.destroy()
      return
    }
    setTimeout(() => {
      call.answered = true
      response.writeHead(200).end('{}')
    }, this.#fraction() * ANSWERS_MS)
  }
}

/** Kills so many processes, one after the other on one directory; then lets one end its work. */
export async function killSenders(seed: number, kills: number): Promise<DeliveryKills> {
  const fraction = seededFractions(seed)
  const receiver = new Receiver(fraction)
  const baseUrl = await receiver.listen()
  const dataDir = await mkdtemp(join(tmpdir(), 'natter-kills-'))
  const enqueued = new Set<string>()
  const run = async (mode: string[], killAfterMs: () => number | undefined): Promise<void> => {
    receiver.life++
    const child = spawn(process.execPath, [PROCESS, dataDir, baseUrl, String(enqueued.size), ...mode], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    const lines = createInterface({ input: child.stdout })
    const spoke = new Promise<void>(resolve => {
      lines.on('line', line => {
        resolve()
        const [word, what] = line.split(' ')
        if (word === 'enqueued') enqueued.add(`op-${what}`)
        else receiver.sent.add(what!)
      })
    })
    const closed = Promise.all([once(child, 'close'), once(lines, 'close')])
    if (fraction() < CUT_STARTS && mode.length === 0) await sleep(fraction() * STARTS_MS)
    else await Promise.race([spoke, closed])
    const afterMs = killAfterMs()
    if (afterMs !== undefined) {
      await sleep(afterMs)
      child.kill('SIGKILL')
    }
    const [[code]] = (await closed) as [[number | null], unknown]
    assert.equal(code, afterMs === undefined ? 0 : null, 'a start after a SIGKILL does not fail')
  }
  try {
    for (let kill = 0; kill < kills; kill++) await run([], () => fraction() * LIVES_MS)
    await run(['drain'], () => undefined)
    assert.deepEqual(receiver.broken, [])
    await isDone(dataDir, enqueued, receiver)
    const calls = [...receiver.calls.values()]
    const repeated = calls.reduce((sum, list) => sum + list.length - 1, 0)
    return { kills, operations: enqueued.size, calls: repeated + calls.length, repeated }
  } finally {
    await receiver.close()
    await rm(dataDir, { recursive: true })
  }
}

/** Every operation that was acknowledged is done, was received, and ended once. */
async function isDone(dataDir: string, enqueued: ReadonlySet<string>, receiver: Receiver): Promise<void> {
  const outbox = await Outbox.open({ dataDir })
  try {
    const ends = new Map<string, number>()
    for (const { type, id } of await records(outbox))
      if (type === 'done') ends.set(id, (ends.get(id) ?? 0) + 1)
    for (const id of enqueued) {
      assert.equal((await outbox.get(id))?.status, 'done', `${id} is done`)
      assert.equal(ends.get(id), 1, `${id} ended once`)
      assert.ok(receiver.calls.has(id), `${id} was received`)
    }
    const { pending, inflight, failed, 'permanent-failed': gaveUp } = outbox.counts()
    assert.equal(pending + inflight + failed + gaveUp, 0)
  } finally {
    await outbox.close()
  }
}
