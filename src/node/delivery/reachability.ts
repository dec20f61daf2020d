/**
 * Which of the servers that are delivered to can be reached, and since when not.
 *
 * Keeps: nothing is sent to a server before a connection to it was made lately, so that one that is away costs no
 * attempt and nothing is given up because of it; one that is away holds up nobody else, as looks go on beside the
 * sending; and nobody is looked at while nothing waits. An answer of the server, whatever it says, is as good as a look.
 */
import type { Clock } from '../../base/index.js'

/** A connection that was made so long ago says nothing any more. */
const freshMs = 10_000
/** Pause between two looks at a server that could not be reached. */
const pauseMs = 1000
/** What a tick waits for looks at most; a server nearby answers within that. */
const patienceMs = 100

interface Server {
  readonly origin: string
  /** Of the newest look or answer; 'unknown' makes the next look due at once. */
  state: 'unknown' | 'online' | 'offline'
  atMs: number
  /** Kept while it is looked at again, so that being away has one beginning. */
  offlineSinceMs: number | null
  look: Promise<void> | undefined
}

export interface ReachabilityInit {
  readonly origins: readonly string[]
  readonly clock: Clock
  /** Makes a connection and gives it up again; answers whether that worked. Never rejects. */
  readonly knock: (origin: string) => Promise<boolean>
  /** Whether anything waits to be sent. */
  readonly isWaiting: () => boolean
  /** Told when a server is found to be away (null) or back (for how long it was away). */
  readonly onChange?: (origin: string, offlineForMs: number | null) => void
}

export class Reachability {
  readonly #init: ReachabilityInit
  readonly #servers: ReadonlyMap<string, Server>

  constructor(init: ReachabilityInit) {
    this.#init = init
    this.#servers = new Map(
      init.origins.map(origin => [
        origin,
        { origin, state: 'unknown', atMs: 0, offlineSinceMs: null, look: undefined }
      ])
    )
  }

  /** Looks where a look is due, and waits for it a moment; answers whether that server can be reached, if anything waits. */
  async check(origin: string): Promise<boolean> {
    const { clock, isWaiting } = this.#init
    if (!isWaiting()) {
      // What was seen last time is old by the time that something waits again.
      for (const server of this.#servers.values()) {
        server.state = 'unknown'
        server.offlineSinceMs = null
      }
      return false
    }
    const looks = [...this.#servers.values()].flatMap(server => {
      if (server.look === undefined && this.#isDue(server)) server.look = this.#look(server)
      return server.look === undefined ? [] : [server.look]
    })
    if (looks.length > 0) {
      let timer: { cancel(): void } | undefined
      const enough = new Promise<void>(resolve => {
        timer = clock.schedule(patienceMs, resolve)
      })
      await Promise.race([Promise.all(looks), enough])
      timer?.cancel()
    }
    return this.isOnline(origin)
  }

  isOnline(origin: string): boolean {
    return this.#servers.get(origin)?.state === 'online'
  }

  /** Since when a server cannot be reached; null while it can, or nothing is known. */
  offlineSinceMs(origin: string): number | null {
    return this.#servers.get(origin)?.offlineSinceMs ?? null
  }

  offline(): { server: string; sinceMs: number }[] {
    return [...this.#servers.values()].flatMap(({ origin, offlineSinceMs }) =>
      offlineSinceMs === null ? [] : [{ server: origin, sinceMs: offlineSinceMs }]
    )
  }

  /** A send has ended: well, or so that the server has to be looked at again. */
  noteSend(origin: string, ok: boolean): void {
    const server = this.#servers.get(origin)
    if (server === undefined) return
    if (ok) this.#found(server, true)
    else if (server.state === 'online' && server.look === undefined && this.#ageMs(server) >= pauseMs) {
      // Until it was looked at nothing more is sent there: a server that went away costs one attempt and no more.
      server.state = 'unknown'
      server.look = this.#look(server)
    }
  }

  #isDue(server: Server): boolean {
    if (server.state === 'unknown') return true
    return this.#ageMs(server) >= (server.state === 'online' ? freshMs : pauseMs)
  }

  /** Of what is known; a clock that went back makes it old as well. */
  #ageMs({ atMs }: Server): number {
    return Math.abs(this.#init.clock.now() - atMs)
  }

  async #look(server: Server): Promise<void> {
    const isThere = await this.#init.knock(server.origin)
    server.look = undefined
    this.#found(server, isThere)
  }

  #found(server: Server, isThere: boolean): void {
    const nowMs = this.#init.clock.now()
    server.atMs = nowMs
    server.state = isThere ? 'online' : 'offline'
    const { offlineSinceMs } = server
    if (isThere === (offlineSinceMs === null)) return
    server.offlineSinceMs = isThere ? null : nowMs
    this.#init.onChange?.(server.origin, offlineSinceMs === null ? null : Math.max(0, nowMs - offlineSinceMs))
  }
}
