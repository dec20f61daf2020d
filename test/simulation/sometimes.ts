/**
 * What must happen somewhere in a thousand seeds: kinds of faults, and ways by which the product comes out of them. One
 * that never happens is a part of the simulator that tests nothing.
 */
export const SOMETIMES = [
  'killed',
  'power cut',
  'crash while a write was in flight, found whole',
  'crash while a write was in flight, torn',
  'write failed: ENOSPC',
  'write failed: EIO',
  'write failed, its bytes in the file',
  'open failed',
  'read failed',
  'fence',
  'recovery from a fence',
  'a recovery tells of what an interrupted commit made',
  'disk full by the guard',
  'stopped in order',
  'paused',
  'partition',
  'one-way partition',
  'stream reset',
  'stream refused',
  'gossip lost',
  'gossip doubled',
  'frozen reader',
  'gap filled',
  'missing dep met',
  'duplicate dropped',
  'cursor void',
  'cursor lowered',
  'full heads compared',
  'wanted again from further back',
  'directory lost',
  'key lost',
  'copy put back',
  'rolled back unseen',
  'clone run twice',
  'epoch minted after a restore',
  'own batches fetched from peers',
  'clock set forward',
  'clock set back',
  'clock frozen',
  'clock leap told',
  'client id repeated',
  'client id on both sides',
  'client id reused',
  'condition failed',
  'liar: fork',
  'liar: bad body',
  'liar: far future',
  'liar: unknown kind',
  'liar: forged signature',
  'liar: garbage',
  'liar: false ack',
  'liar: head of another',
  'liar: dep that is nowhere',
  'liar: over without a dep',
  'fork kept',
  'bad body applied as empty',
  'cell of an unknown kind',
  'peer penalized',
  'flip made',
  'flip detected',
  'derived record made again',
  'batch asked for again',
  'damaged batch that nobody has'
] as const

export type Sometimes = (typeof SOMETIMES)[number]

export type Counts = Record<string, number>

export function addCounts(to: Counts, from: Counts): void {
  for (const [what, count] of Object.entries(from)) to[what] = (to[what] ?? 0) + count
}

/** What never happened. */
export function never(counts: Counts, kinds: readonly string[] = SOMETIMES): string[] {
  return kinds.filter(what => (counts[what] ?? 0) === 0)
}
