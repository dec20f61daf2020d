/**
 * The bare pipeline between two processes: write, hash and sign here, send over TCP; verify, write and acknowledge there.
 * Up to eight batches in flight. This file is both ends: run by itself it is the far one.
 */
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { newSeed, nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import { BareStore, bareRecords, decodeFrame, encodeFrame } from './bare-store.js'
import type { Entry } from './harness.js'

const IN_FLIGHT = 8
/** Public key, signature and length before a frame. */
const HEAD_BYTES = 32 + 64 + 4

export class BarePipeline {
  readonly #child: ChildProcess
  readonly #socket: Socket
  readonly #store: BareStore
  readonly #signer = nodeSigner(newSeed())
  #waiting: (() => void)[] = []
  #inFlight = 0

  private constructor(child: ChildProcess, socket: Socket, store: BareStore) {
    this.#child = child
    this.#socket = socket
    this.#store = store
    socket.on('data', acks => {
      for (let i = 0; i < acks.length; i++) {
        this.#inFlight--
        this.#waiting.shift()?.()
      }
    })
  }

  static async start(here: string, there: string): Promise<BarePipeline> {
    const child = fork(fileURLToPath(import.meta.url), [there])
    const [port] = (await once(child, 'message')) as [number]
    const socket = connect(port, '127.0.0.1')
    socket.setNoDelay(true)
    await once(socket, 'connect')
    return new BarePipeline(child, socket, await BareStore.open(here))
  }

  /** Resolves when the batch is on disk here, and there is room for another one. */
  async write(list: readonly Entry[]): Promise<void> {
    const records = bareRecords(list)
    const frame = encodeFrame(records)
    const signature = await this.#signer.sign(nodeCrypto.sha256(frame))
    await this.#store.write(records)
    const head = Buffer.alloc(HEAD_BYTES)
    head.set(this.#signer.publicKey)
    head.set(signature, 32)
    head.writeUInt32BE(frame.length, 96)
    this.#socket.cork()
    this.#socket.write(head)
    this.#socket.write(frame)
    this.#socket.uncork()
    if (++this.#inFlight >= IN_FLIGHT) await this.#oneAck()
  }

  #oneAck(): Promise<void> {
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  /** Resolves when everything is on disk there. */
  async drain(): Promise<void> {
    while (this.#inFlight > 0) await this.#oneAck()
  }

  async stop(): Promise<void> {
    this.#socket.destroy()
    this.#child.disconnect()
    await once(this.#child, 'exit')
    await this.#store.close()
  }
}

async function serveFarEnd(location: string): Promise<void> {
  const store = await BareStore.open(location)
  const server = createServer(async socket => {
    socket.setNoDelay(true)
    let buffer: Buffer = Buffer.alloc(0)
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      buffer = buffer.length === 0 ? chunk : Buffer.concat([buffer, chunk])
      while (buffer.length >= HEAD_BYTES && buffer.length >= HEAD_BYTES + buffer.readUInt32BE(96)) {
        const end = HEAD_BYTES + buffer.readUInt32BE(96)
        const frame = buffer.subarray(HEAD_BYTES, end)
        const genuine = nodeCrypto.verify(
          buffer.subarray(0, 32),
          nodeCrypto.sha256(frame),
          buffer.subarray(32, 96)
        )
        if (!(await genuine)) throw new Error('a frame does not verify')
        await store.write(decodeFrame(frame))
        socket.write(Buffer.from([1]))
        buffer = buffer.subarray(end)
      }
    }
  })
  server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port))
  process.once('disconnect', () => void store.close().then(() => process.exit(0)))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serveFarEnd(process.argv[2]!)
