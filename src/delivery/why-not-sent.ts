/**
 * Why an operation is not sent now, in the order in which a person should look at it: what the outbox knows (it is final,
 * somebody has it, it waits for its retry or for another of its target), and what only its surroundings know (nobody
 * sends, the target is not allowed, its server cannot be reached, the clock went back).
 *
 * The one home of these sentences: `GET /delivery/:id` and `natter delivery show` print them, with and without a node.
 */
import { span } from '../base/index.js'
import type { Explanation, Operation } from './index.js'

export const HINDRANCES = [
  'done',
  'gave-up',
  'in-flight',
  'nobody-sends',
  'target-not-allowed',
  'offline',
  'waits-for-target',
  'waits-for-retry',
  'clock-went-back'
] as const

export type HindranceReason = (typeof HINDRANCES)[number]

export interface Hindrance {
  readonly reason: HindranceReason
  /** A sentence, without a period. */
  readonly text: string
  /** Since when, ISO. */
  readonly sinceAt?: string
  /** When it is over by itself, ISO. */
  readonly untilAt?: string
  readonly dueInMs?: number
  /** The operation that it waits for. */
  readonly behind?: string
  /** Who has it. */
  readonly owner?: string
}

/** Whoever sends what is in the outbox, as far as one target is concerned. */
export interface Sender {
  /** Whether it delivers to this target at all. */
  readonly allowed: boolean
  /** What cannot be reached, such as `https://api.example.com`. */
  readonly server: string
  /** Since when it cannot be reached; null while it can, or nobody has looked. */
  readonly offlineSinceMs: number | null
}

export interface Surroundings {
  readonly nowMs: number
  /** Undefined where no process sends, as for a directory that is looked at by hand. */
  readonly sender: Sender | undefined
}

/** A clock is set by so much all the time; more is worth a word. */
const clockSlackMs = 2000

/** Empty: nothing holds it up, it is sent next. */
export function whyNotSent(op: Operation, found: Explanation, around: Surroundings): Hindrance[] {
  const { nowMs, sender } = around
  const own = found.reason === 'due' ? [] : [fromOutbox({ ...found, reason: found.reason }, nowMs)]
  if (found.reason === 'done' || found.reason === 'gave-up') return own
  const reasons: Hindrance[] = []
  if (found.reason === 'in-flight') reasons.push(...own)
  if (sender === undefined) {
    reasons.push({ reason: 'nobody-sends', text: 'no process sends what is in this outbox' })
  } else if (!sender.allowed) {
    reasons.push({ reason: 'target-not-allowed', text: `the node does not deliver to ${op.target}` })
  } else if (sender.offlineSinceMs !== null && found.reason !== 'in-flight') {
    const { server, offlineSinceMs } = sender
    reasons.push({
      reason: 'offline',
      text: `${server} cannot be reached, for ${span(Math.max(0, nowMs - offlineSinceMs))} now; it is sent as soon as that is over`,
      sinceAt: isoOf(offlineSinceMs)
    })
  }
  if (found.reason !== 'in-flight') reasons.push(...own)
  const aheadMs = op.updatedAtMs - nowMs
  if (aheadMs > clockSlackMs && found.reason !== 'due') {
    reasons.push({
      reason: 'clock-went-back',
      text: `the clock went back: it stood ${span(aheadMs)} further when the operation last changed`
    })
  }
  return reasons
}

function fromOutbox(found: Explanation & { reason: HindranceReason }, nowMs: number): Hindrance {
  const { reason, text, atMs, behind, owner } = found
  const isUntil = reason === 'waits-for-retry'
  return {
    reason,
    text,
    ...(atMs !== undefined && (isUntil ? { untilAt: isoOf(atMs) } : { sinceAt: isoOf(atMs) })),
    ...(atMs !== undefined && isUntil && { dueInMs: Math.max(0, atMs - nowMs) }),
    ...(behind !== undefined && { behind }),
    ...(owner !== undefined && { owner })
  }
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString()
}
