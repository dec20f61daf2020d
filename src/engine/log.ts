/** Where lines for people go: one per frame, round and refusal, by scope. */
export type Log = (scope: 'sync' | 'gossip' | 'store', line: string) => void

export const silent: Log = () => undefined
