/**
 * The hybrid logical clock: 48 bits of milliseconds and a 16-bit counter, as two numbers.
 *
 * It orders only concurrent versions; whoever has seen a version overwrites it whatever its time. So a wrong clock
 * never loses data: it only changes who wins among writers that had not seen each other.
 * After Kulkarni et al., "Logical Physical Clocks" (2014).
 */

export interface HybridTime {
  /** Milliseconds since the Unix epoch, below 2^48. */
  readonly ms: number
  /** Below 2^16. */
  readonly counter: number
}

export const ZERO_TIME: HybridTime = { ms: 0, counter: 0 }
export const MAX_COUNTER = 0xffff
export const MAX_TIME_MS = 2 ** 48 - 1

export function compareTime(a: HybridTime, b: HybridTime): number {
  return a.ms - b.ms || a.counter - b.counter
}

export function maxTime(a: HybridTime, b: HybridTime): HybridTime {
  return compareTime(a, b) >= 0 ? a : b
}

/** The next time of a writer whose last time was `last`: later than it, and no earlier than the wall clock. */
export function nextTime(last: HybridTime, wallMs: number): HybridTime {
  if (wallMs > last.ms) return { ms: wallMs, counter: 0 }
  if (last.counter < MAX_COUNTER) return { ms: last.ms, counter: last.counter + 1 }
  return { ms: last.ms + 1, counter: 0 }
}

/** `last` dragged by a time that was seen elsewhere, but to no more than `maxDriftMs` past the wall clock. */
export function observeTime(
  last: HybridTime,
  seen: HybridTime,
  wallMs: number,
  maxDriftMs: number
): HybridTime {
  const bound = { ms: wallMs + maxDriftMs, counter: 0 }
  const capped = compareTime(seen, bound) > 0 ? bound : seen
  return maxTime(last, capped)
}

/** 16 hex digits: 12 of milliseconds, 4 of counter. Text order is time order. */
export function formatTime(time: HybridTime): string {
  return time.ms.toString(16).padStart(12, '0') + time.counter.toString(16).padStart(4, '0')
}
