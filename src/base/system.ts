/** The clock and the randomness of the machine, on Node.js and in browsers. */
import type { Clock, Random } from './ports.js'

export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(delayMs, run) {
    const timer: unknown = setTimeout(run, delayMs)
    if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref(): void }).unref()
    return { cancel: () => clearTimeout(timer as number) }
  }
}

export const systemRandom: Random = {
  bytes: length => globalThis.crypto.getRandomValues(new Uint8Array(length)),
  fraction: () => Math.random()
}
