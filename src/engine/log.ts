/** Where lines for people go: one per frame, round and refusal, by scope. */
export interface Log {
  (scope: 'sync' | 'gossip' | 'store', line: string): void
  /** Whether anybody reads lines of this scope; absent where somebody does. */
  readonly isOn?: (scope: 'sync' | 'gossip' | 'store') => boolean
}

export const silent: Log = Object.assign(() => undefined, { isOn: () => false })

/** Whether a line is worth making: those about each frame cost more than some frames. */
export function isRead(log: Log, scope: 'sync' | 'gossip' | 'store'): boolean {
  return log.isOn?.(scope) ?? true
}
