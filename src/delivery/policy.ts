/** When a failed attempt is repeated: the back-off of a `RetryPolicy`, and what a receiver asked for. */
import { DELIVERY } from '../base/index.js'
import type { RetryPolicy } from './index.js'

/** Milliseconds until the attempt after the `attempt`-th (from 1); `fraction` in [0, 1) decides the jitter. */
export function backOffMs(policy: RetryPolicy, attempt: number, fraction: number): number {
  const { baseDelayMs, maxDelayMs, factor, jitterRatio } = policy
  const grown = Math.min(baseDelayMs * factor ** (attempt - 1), maxDelayMs)
  const delay = Math.max(grown, Math.min(baseDelayMs, maxDelayMs))
  return Math.round(delay * (1 + jitterRatio * (2 * fraction - 1)))
}

/** What a receiver asked for, within its bound. */
export function askedMs(retryAfterMs: number): number {
  return Math.min(Math.max(Math.round(retryAfterMs), 0), DELIVERY.retryAfterMs)
}

/** No retry is ever due later than this after its failure: one that is was set by a clock that stood ahead. */
export function longestWaitMs(policy: RetryPolicy): number {
  return Math.max(DELIVERY.retryAfterMs, Math.ceil(policy.maxDelayMs * (1 + policy.jitterRatio)))
}
