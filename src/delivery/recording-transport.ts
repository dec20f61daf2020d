/** A transport for tests: sends nothing, records every call, and answers by rules. */
import { checkNames } from './check.js'
import type { Operation, SendResult, Transport } from './index.js'

export interface Rule {
  ok: boolean
  /** @default true */
  retryable?: boolean
  /** @default 'simulated failure' */
  error?: string
  retryAfterMs?: number
}

export class RecordingTransport implements Transport {
  /** Every operation as it was handed in, in order. */
  readonly calls: Operation[] = []
  readonly #kinds = new Map<string, Rule>()
  readonly #targets = new Map<string, Rule>()
  #default: Rule = { ok: true }

  /** For operations that no other rule is for. */
  setDefault(rule: Rule): void {
    this.#default = checkRule(rule)
  }

  setRuleForKind(kind: string, rule: Rule): void {
    this.#kinds.set(kind, checkRule(rule))
  }

  /** Goes before a rule for the kind. */
  setRuleForTarget(target: string, rule: Rule): void {
    this.#targets.set(target, checkRule(rule))
  }

  callCount(): number {
    return this.calls.length
  }

  async send(op: Operation): Promise<SendResult> {
    this.calls.push(op)
    const rule = this.#targets.get(op.target) ?? this.#kinds.get(op.kind) ?? this.#default
    if (rule.ok) return { ok: true }
    const { retryable = true, error = 'simulated failure', retryAfterMs } = rule
    return { ok: false, retryable, error, ...(retryAfterMs !== undefined && { retryAfterMs }) }
  }
}

function checkRule(rule: Rule): Rule {
  checkNames(rule, ['ok', 'retryable', 'error', 'retryAfterMs'])
  if (typeof rule.ok !== 'boolean') throw new TypeError('rule.ok must be true or false')
  return { ...rule }
}
