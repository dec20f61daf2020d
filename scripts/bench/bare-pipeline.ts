/**
 * The bare pipeline between processes: write, hash and sign here, send over TCP; verify, write and acknowledge there.
 * Up to eight batches in flight to each far end, which writes together what has arrived. This file is both ends: run by itself it is a far one.
 */
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { newSeed, nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import type { BareRecord } from './bare-store.js'
import { BareStore, bareRecords, decodeFrame, encodeFrame } from './bare-store.js'
import { fillBareStore } from './fill.js'
import { withFolder } from './harness.js'
import type { Entry } from './records.js'

const IN_FLIGHT = 8
/** Public key, signature and length before a frame. */
const HEAD_BYTES = 32 + 64 + 4

/** Runs with a pipeline from a store here with the first `ops` records to empty ones in processes of their own. */
export function withPipeline<T>(run: (pipeline: BarePipeline) => Promise<T>, ends = 1, ops = 0): Promise<T> {
  return withFolder(async folder => {
    if (ops > 0) await fillBareStore(`${folder}/here`, ops)
    const pipeline = await BarePipeline.start(
      `${folder}/here`,
      Array.from({ length: ends }, (_, i) => `${folder}/there-${i}`)
    )
    try {
      return await run(pipeline)
    } finally {
      await pipeline.stop()
    }
  })
}

export class BarePipeline {
  readonly store: BareStore
  readonly #ends: readonly FarEnd[]
  readonly #signer = nodeSigner(newSeed())

  private constructor(store: BareStore, ends: readonly FarEnd[]) {
    this.store = store
    this.#ends = ends
  }

  static async start(here: string, there: readonly string[]): Promise<BarePipeline> {
    const ends = await Promise.all(there.map(location => FarEnd.start(location)))
    return new BarePipeline(await BareStore.open(here), ends)
  }

  /** Resolves when the batch is on disk here and sent, and there is room for another one. */
  async write(list: readonly Entry[], onAck?: () => void): Promise<void> {
    const records = bareRecords(list)
    const frame = await this.#frameOf(records)
    await this.store.write(records)
    await Promise.all(this.#ends.map(end => end.send(frame, onAck)))
  }

  /** Sends what the store here holds, in batches of `size`. */
  async sendLog(size: number): Promise<void> {
    for await (const records of this.store.log(size)) {
      const frame = await this.#frameOf(records)
      await Promise.all(this.#ends.map(end => end.send(frame)))
    }
    await this.drain()
  }

  /** Resolves when everything is on disk there. */
  async drain(): Promise<void> {
    await Promise.all(this.#ends.map(end => end.drain()))
  }

  async #frameOf(records: readonly BareRecord[]): Promise<Buffer> {
    const body = encodeFrame(records)
    const head = Buffer.alloc(HEAD_BYTES)
    head.set(this.#signer.publicKey)
    head.set(await this.#signer.sign(nodeCrypto.sha256(body)), 32)
    head.writeUInt32BE(body.length, 96)
    return Buffer.concat([head, body])
  }

  async stop(): Promise<void> {
    await Promise.all(this.#ends.map(end => end.stop()))
    await this.store.close()
  }
}

class FarEnd {
  readonly #child: ChildProcess
  readonly #socket: Socket
  readonly #acks: (((() => void) | undefined) | null)[] = []
  #waiting: (() => void) | undefined

  private constructor(child: ChildProcess, socket: Socket) {
    this.#child = child
    this.#socket = socket
    socket.on('data', acks => {
      for (let i = 0; i < acks.length; i++) this.#acks.shift()?.()
      this.#waiting?.()
    })
  }

  static async start(location: string): Promise<FarEnd> {
    const child = fork(fileURLToPath(import.meta.url), [location])
    const [port] = (await once(child, 'message')) as [number]
    const socket = connect(port, '127.0.0.1')
    socket.setNoDelay(true)
    await once(socket, 'connect')
    return new FarEnd(child, socket)
  }

  async send(frame: Buffer, onAck?: () => void): Promise<void> {
    this.#socket.write(frame)
    this.#acks.push(onAck)
    while (this.#acks.length >= IN_FLIGHT) await this.#someAck()
  }

  async drain(): Promise<void> {
    while (this.#acks.length > 0) await this.#someAck()
  }

  #someAck(): Promise<void> {
    return new Promise(resolve => {
      this.#waiting = resolve
    })
  }

  async stop(): Promise<void> {
    this.#socket.destroy()
    this.#child.disconnect()
    await once(this.#child, 'exit')
  }
}

async function serveFarEnd(location: string): Promise<void> {
  const store = await BareStore.open(location)
  const server = createServer(async socket => {
    socket.setNoDelay(true)
    let pieces: Buffer[] = []
    let held = 0
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      pieces.push(chunk)
      held += chunk.length
      let buffer = pieces[0]!
      if (held >= HEAD_BYTES && buffer.length < HEAD_BYTES) buffer = Buffer.concat(pieces)
      // Pieces are joined once a frame is whole: joining at each of them would copy a large frame again and again.
      if (held < HEAD_BYTES || held < HEAD_BYTES + buffer.readUInt32BE(96)) continue
      if (buffer.length < held) buffer = Buffer.concat(pieces)
      const frames: Buffer[] = []
      while (buffer.length >= HEAD_BYTES && buffer.length >= HEAD_BYTES + buffer.readUInt32BE(96)) {
        const end = HEAD_BYTES + buffer.readUInt32BE(96)
        frames.push(buffer.subarray(0, end))
        buffer = buffer.subarray(end)
      }
      await take(store, frames)
      socket.write(Buffer.alloc(frames.length, 1))
      pieces = buffer.length === 0 ? [] : [buffer]
      held = buffer.length
    }
  })
  server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port))
  process.once('disconnect', () => void store.close().then(() => process.exit(0)))
}

/** All that have arrived meanwhile share one synced write. */
async function take(store: BareStore, frames: readonly Buffer[]): Promise<void> {
  const records: BareRecord[] = []
  for (const frame of frames) {
    const body = frame.subarray(HEAD_BYTES)
    const digest = nodeCrypto.sha256(body)
    const genuine = await nodeCrypto.verify(frame.subarray(0, 32), digest, frame.subarray(32, 96))
    if (!genuine) throw new Error('a frame does not verify')
    for (const record of decodeFrame(body)) records.push(record)
  }
  await store.write(records)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serveFarEnd(process.argv[2]!)
