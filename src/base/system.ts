/** The clock and the randomness of the machine, on Node.js and in browsers, the end of a turn, and what keeps a process alive. */
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

/** Calls `run` when everything is done that this turn of the event loop has brought forth. */
export function afterTurn(run: () => void): void {
  setImmediate(run)
}

/** Longest interval that timers take. */
const longestMs = 2 ** 31 - 1

/** Keeps the process from ending for want of work, which timers of the clock do not. Answers how to let it go. */
export function holdProcess(): () => void {
  const timer = setInterval(() => undefined, longestMs)
  return () => clearInterval(timer)
}
