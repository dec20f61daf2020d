/**
 * A member of the network that lies: two histories to two peers, false acks and positions, heads that are nobody's,
 * garbage in frames. It speaks the protocol well enough to be listened to, and answers what it is asked for its own log.
 */
import { utf8 } from '../../src/base/index.js'
import type { Author, Batch, DatabaseId, Message, ShortId, StoreId, Tip } from '../../src/log/index.js'
import { shortId, tipOf } from '../../src/log/index.js'
import type { SyncStream } from '../../src/net/index.js'
import { creditBytes, encodeGossip, SyncDecoder, SyncEncoder } from '../../src/wire/index.js'
import type { Life } from './clock.js'
import type { Dice } from './dice.js'
import { Endpoint } from './endpoint.js'
import type { LiarLog, Twist } from './liar-log.js'
import type { Ground } from './machine.js'
import type { SimNode } from './world.js'

/** Streams that it keeps open to one peer. */
const mostStreams = 2

interface Talk {
  readonly stream: SyncStream
  readonly encoder: SyncEncoder
  window: number
  /** The branch that this peer is shown. */
  readonly branch: Batch[]
  /** What the peer said of itself, to be turned round. */
  position: number
  digest: string
}

export interface LiarInit {
  readonly name: string
  readonly ground: Ground
  readonly dice: Dice
  readonly log: LiarLog
  readonly database: DatabaseId
  /** Milliseconds between two lies on average. */
  readonly gapMs: number
}

export class Liar implements SimNode {
  readonly name: string
  readonly author: Author
  readonly honest = false
  readonly durable = false
  readonly running = false
  readonly paused = false
  readonly incarnation = 1
  readonly wallMs = 0
  readonly store = undefined
  readonly engine = undefined
  readonly connected: readonly Author[] = []
  readonly flipped: ReadonlySet<string> = new Set()
  readonly #init: LiarInit
  readonly #dice: Dice
  readonly #life: Life
  readonly #endpoint: Endpoint
  readonly #talks = new Set<Talk>()
  readonly #store: StoreId
  #on = true

  constructor(init: LiarInit) {
    this.#init = init
    this.name = init.name
    this.author = init.log.author
    this.#dice = init.dice
    this.#life = init.ground.newLife()
    this.#endpoint = new Endpoint(init.ground.network, init.name, this.author, this.#life)
    this.#store = hex(init.dice, 8) as StoreId
  }

  get life(): number {
    return this.#life.number
  }

  async start(): Promise<void> {
    await this.#endpoint.start({
      onStream: stream => this.#talk(stream),
      onGossip: () => 'ignore',
      onPeerConnected: peer => this.#open(peer),
      onPeerDisconnected: () => undefined,
      onPresence: () => undefined,
      onRefused: () => undefined,
      onDiscovered: () => undefined
    })
    this.#next()
  }

  /** It leaves, and nobody hears of it again. */
  leave(): void {
    this.#on = false
    this.#life.alive = false
    this.#init.ground.network.left(this.#endpoint, false)
  }

  #next(): void {
    this.#endpoint.clockless(this.#dice.gap(this.#init.gapMs), () => {
      if (!this.#on) return
      this.#act()
      this.#next()
    })
  }

  #open(peer: Author): void {
    if (!this.#dice.chance(0.6)) return
    this.#endpoint.openStream(peer).then(
      stream => this.#talk(stream),
      () => undefined // it tries again when it is connected again
    )
  }

  #talk(stream: SyncStream): void {
    const others = [...this.#talks].filter(({ stream: { peer } }) => peer === stream.peer)
    if (!this.#on || others.length >= mostStreams) {
      stream.abort(new Error('enough'))
      return
    }
    const branch = this.#dice.pick(this.#init.log.branches)
    const talk = { stream, encoder: new SyncEncoder(), window: 0, branch, position: 0, digest: '' }
    this.#talks.add(talk)
    this.#say(talk, this.#hello(talk))
    this.#read(talk).then(
      () => this.#talks.delete(talk),
      () => this.#talks.delete(talk)
    )
  }

  async #read(talk: Talk): Promise<void> {
    const { ground, database } = this.#init
    const decoder = new SyncDecoder({ hashes: ground.crypto, database })
    for await (const frame of talk.stream.frames) {
      const message = decoder.decode(frame)
      const bytes = creditBytes(frame)
      if (bytes > 0) this.#say(talk, { type: 'credit', bytes })
      if (message !== undefined) this.#hear(talk, message)
    }
  }

  #hear(talk: Talk, message: Message): void {
    if (message.type === 'hello') {
      talk.window += message.window
      talk.position = message.position.position
      talk.digest = message.digest
    } else if (message.type === 'credit') talk.window += message.bytes
    else if (message.type === 'ping') talk.digest = message.digest
    else if (message.type === 'heads' && message.position !== undefined)
      talk.position = message.position.position
    else if (message.type === 'want') {
      const batches = this.#init.log.upTo(message.tip)
      const held = message.have.map(({ id }) => batches?.findIndex(batch => shortId(batch.id) === id) ?? -1)
      if (batches !== undefined) this.#run(talk, batches.slice(Math.max(-1, ...held) + 1))
    }
  }

  #hello(talk: Talk): Message {
    const dice = this.#dice
    return {
      type: 'hello',
      protocol: 1,
      database: this.#init.database,
      store: this.#store,
      durable: true,
      position: { position: dice.below(30), check: hex(dice, 8) },
      digest: hex(dice, 16),
      yours: dice.chance(0.3) ? [this.#strange(talk.stream.peer)] : [],
      window: 1 << 20,
      ...(dice.chance(0.3) && {
        cursor: { store: hex(dice, 8) as StoreId, position: dice.below(20), check: hex(dice, 8) }
      })
    }
  }

  #say(talk: Talk, message: Message): void {
    for (const frame of talk.encoder.encode(message)) {
      talk.window -= creditBytes(frame)
      talk.stream.send(frame)
    }
  }

  #run(talk: Talk, batches: readonly Batch[]): void {
    if (batches.length === 0 || talk.window <= 0) return
    const position = { position: this.#dice.below(40), check: hex(this.#dice, 8) }
    this.#say(talk, {
      type: 'run',
      batches,
      proof: [],
      ...(this.#dice.chance(0.3) && { position })
    })
  }

  #strange(author: Author): Tip {
    const epoch = hex(this.#dice, 8) as Tip['epoch']
    return { author, epoch, seq: this.#dice.whole(1, 20), id: hex(this.#dice, 16) as ShortId }
  }

  // Lies

  #act(): void {
    const dice = this.#dice
    const talks = [...this.#talks]
    const lies: (() => void)[] = [
      () => this.#write('none'),
      () => this.#write('none'),
      () => this.#write('bad body'),
      () => this.#write('far future'),
      () => this.#write('unknown kind'),
      () => this.#write('borrowed id'),
      () => this.#write('over without a dep'),
      () => this.#fork(),
      () => this.#fork()
    ]
    if (talks.length > 0) {
      const talk = dice.pick(talks)
      lies.push(
        () => this.#write('dep that is nowhere'),
        () => this.#falseAck(talk),
        () => this.#falseHead(talk),
        () => this.#forged(talk),
        () => this.#garbage(talk),
        () => this.#ping(talk)
      )
    }
    dice.pick(lies)()
  }

  #lied(what: string): void {
    this.#init.ground.sometimes(`liar: ${what}`)
  }

  #write(twist: Twist): void {
    const dice = this.#dice
    const { log } = this.#init
    const batch = log.next(dice.pick(log.branches), twist)
    if (twist !== 'none') this.#lied(twist)
    this.#spread(batch)
  }

  #fork(): void {
    const { log } = this.#init
    if (log.branches.every(branch => branch.length === 0) || log.branches.length > 5) return
    const from = log.branches.find(branch => branch.length > 0)!
    const branch = log.fork()
    this.#spread(log.next(branch, 'none'))
    this.#lied(from.length > 0 ? 'fork' : 'epoch')
  }

  /** Some hear of it by gossip, some by a push, some by a head; some of neither. */
  #spread(batch: Batch): void {
    const dice = this.#dice
    const data = encodeGossip(batch)
    if (data !== undefined && dice.chance(0.5)) this.#endpoint.publish(data)
    for (const talk of this.#talks) {
      const chance = dice.fraction()
      if (chance < 0.3) this.#run(talk, [batch])
      else if (chance < 0.6) this.#say(talk, { type: 'heads', tips: [tipOf(batch)] })
    }
  }

  #falseAck(talk: Talk): void {
    this.#lied('false ack')
    this.#say(talk, { type: 'ack', position: talk.position + this.#dice.below(5) })
  }

  #falseHead(talk: Talk): void {
    const { ground } = this.#init
    this.#lied('head of another')
    const tips = [this.#strange(this.#dice.pick(ground.network.authors))]
    const position = { position: this.#dice.below(40), check: hex(this.#dice, 8) }
    this.#say(talk, { type: 'heads', tips, ...(this.#dice.chance(0.5) && { position }) })
  }

  #forged(talk: Talk): void {
    const batch = talk.branch.at(-1)
    let forged: Batch
    if (batch?.signature !== undefined && this.#dice.chance(0.4)) {
      const signature = batch.signature.slice()
      signature[this.#dice.below(32)]! ^= 1
      forged = { ...batch, signature }
    } else forged = this.#init.log.forge(talk.stream.peer)
    this.#lied('forged signature')
    const data = encodeGossip(forged)
    if (data !== undefined && this.#dice.chance(0.5)) this.#endpoint.publish(data)
    else this.#run(talk, [forged])
  }

  #garbage(talk: Talk): void {
    this.#lied('garbage')
    talk.stream.send(this.#dice.bytes(this.#dice.whole(1, 80)))
    if (this.#dice.chance(0.3)) this.#endpoint.publish(utf8('not a batch'))
  }

  #ping(talk: Talk): void {
    const position = { position: this.#dice.below(40), check: hex(this.#dice, 8) }
    const digest = this.#dice.chance(0.5) && talk.digest !== '' ? talk.digest : hex(this.#dice, 16)
    this.#say(talk, { type: 'ping', digest, position })
  }
}

function hex(dice: Dice, bytes: number): string {
  return Buffer.from(dice.bytes(bytes)).toString('hex')
}
