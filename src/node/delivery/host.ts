/**
 * The delivery outbox that a node hosts: in a folder of the node's directory, sent from by an engine of its own over
 * HTTP, to the URLs that the node was told and nowhere else.
 *
 * Keeps: what was taken under other URLs than those of today waits, and is never sent; a server that is away costs no
 * attempt; one line of the log for every send.
 */
import type { Clock } from '../../base/index.js'
import { NatterError } from '../../base/index.js'
import { AllowedTargets } from '../../delivery/allowed-targets.js'
import type { NewOperation, Operation, SendResult, Transport } from '../../delivery/index.js'
import { HttpTransport, NetworkProbe, Outbox, SyncEngine } from '../../delivery/index.js'
import type { Sender } from '../../delivery/why-not-sent.js'
import { DeliveryDesk } from './desk.js'
import { outboxFolder } from './folder.js'
import { knock } from './knock.js'
import { Reachability } from './reachability.js'

/** Sends to one server under way at a time. Each has a loop of its own, so that a request that hangs holds up one only. */
const LOOPS = 3
/** Milliseconds that a loop sleeps while nothing can be sent: it is woken by what is new, and retries are not urgent. */
const SLEEP_MS = 1000

export interface HostInit {
  /** The node's directory; absent: in memory. */
  readonly dataDir: string | undefined
  readonly durability: 'fsync' | 'os'
  readonly deliverTo: readonly string[]
  /** How the node is called in the log and in `owner`. */
  readonly owner: string
  readonly clock: Clock
  readonly log: (line: string) => void
}

export class DeliveryHost {
  readonly desk: DeliveryDesk
  readonly #outbox: Outbox
  readonly #engines: readonly SyncEngine[]

  private constructor(init: HostInit, outbox: Outbox) {
    const { clock, log } = init
    const targets = new AllowedTargets(init.deliverTo)
    const reach = new Reachability({
      origins: targets.origins,
      clock,
      knock: origin => knock(origin, clock),
      isWaiting: () => {
        const { pending, failed, inflight } = outbox.counts()
        return pending + failed + inflight > 0
      },
      onChange: (origin, awayMs) =>
        log(awayMs === null ? `${origin} cannot be reached` : `${origin} is back after ${awayMs} ms`)
    })
    const senderOf = (target: string): Sender => {
      const server = originOf(target)
      return { allowed: targets.allows(target), server, offlineSinceMs: reach.offlineSinceMs(server) }
    }
    this.desk = new DeliveryDesk({
      outbox,
      clock,
      senders: {
        urls: targets.urls,
        admit: op => admit(op, targets),
        formOf: target => targets.formOf(target),
        senderOf,
        offline: () => reach.offline()
      }
    })
    this.#outbox = outbox
    const transport = new WatchedTransport(new HttpTransport({ clock }), targets, reach, init)
    const probes = new Map<string, NetworkProbe>()
    // Each server has loops of its own: one that hangs holds up no other.
    this.#engines = targets.origins.flatMap(origin => {
      const probe = new NetworkProbe(() => reach.check(origin))
      probes.set(origin, probe)
      const accepts = (target: string) => originOf(target) === origin && targets.allows(target)
      const sleeps = { idleSleepMs: SLEEP_MS, offlineSleepMs: SLEEP_MS }
      return Array.from({ length: LOOPS }, () => {
        return new SyncEngine({ outbox, transport, probe, accepts, ...sleeps })
      })
    })
    outbox.events.addEventListener('enqueued', ({ detail: { target } }) => {
      // Where nothing waited nobody has looked: a look that finds the server wakes its loops.
      const origin = originOf(target)
      if (!reach.isOnline(origin)) void probes.get(origin)?.isOnline()
    })
  }

  /** @throws NatterError `DIRECTORY_IN_USE`, `DIRECTORY_UNUSABLE`, `STORE_DAMAGED`, `DISK_FULL` */
  static async open(init: HostInit): Promise<DeliveryHost> {
    const { dataDir, durability, owner, clock } = init
    const outbox = await Outbox.open({
      ...(dataDir !== undefined && { dataDir: outboxFolder(dataDir) }),
      durability,
      owner,
      clock
    })
    return new DeliveryHost(init, outbox)
  }

  start(): void {
    for (const engine of this.#engines) engine.start()
  }

  /** Gives up what is under way, which is then due again, and closes the outbox. */
  async stop(): Promise<void> {
    await Promise.all(this.#engines.map(engine => engine.stop()))
    await this.#outbox.close()
  }
}

/** A transport whose sends are logged, and looked at for whether their server is there. */
class WatchedTransport implements Transport {
  readonly #inner: Transport
  readonly #targets: AllowedTargets
  readonly #reach: Reachability
  readonly #init: Pick<HostInit, 'clock' | 'log'>

  constructor(
    inner: Transport,
    targets: AllowedTargets,
    reach: Reachability,
    init: Pick<HostInit, 'clock' | 'log'>
  ) {
    this.#inner = inner
    this.#targets = targets
    this.#reach = reach
    this.#init = init
  }

  async send(op: Operation, options: { signal: AbortSignal }): Promise<SendResult> {
    const { clock, log } = this.#init
    if (!this.#targets.allows(op.target)) {
      return { ok: false, retryable: false, error: `this node does not deliver to ${op.target}` }
    }
    const startedAtMs = clock.now()
    const result = await this.#inner.send(op, options)
    this.#reach.noteSend(originOf(op.target), result.ok || !result.retryable)
    const outcome = result.ok ? 'ok' : `${result.retryable ? 'failed' : 'failed for good'}: ${result.error}`
    log(`${op.kind} ${op.target} ${op.id} attempt ${op.attempt} ${outcome} ${clock.now() - startedAtMs} ms`)
    return result
  }
}

/** `http.<one of these>` is that request, any other kind a POST. */
const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete']
const WITHOUT_BODY = ['get', 'head']

/** What could never be sent is refused before it is taken. */
export function admit(op: NewOperation, targets: AllowedTargets): NewOperation {
  const method = /^http\.(.*)$/is.exec(op.kind)?.[1]?.toLowerCase() ?? 'post'
  if (!METHODS.includes(method)) {
    throw new NatterError('INVALID_ARGUMENT', `there is no request of the kind ${op.kind.slice(0, 80)}`, {
      remedy: `Kinds of requests are ${METHODS.map(name => `http.${name}`).join(', ')}; any other kind is sent by POST.`
    })
  }
  if (op.payload !== undefined && WITHOUT_BODY.includes(method)) {
    throw new NatterError('INVALID_ARGUMENT', `a request of the kind ${op.kind} takes no payload`)
  }
  return { ...op, target: targets.resolve(op.target) }
}

function originOf(target: string): string {
  return URL.canParse(target) ? new URL(target).origin : ''
}
