/**
 * Named places at which a test has a process die or meet an error of the disk.
 *
 * Nothing happens at them unless the program's entry armed them (`cli/arm-failpoints.ts`, by NATTER_FAILPOINT): then
 * passing one costs a call, otherwise a comparison. They stand only on paths that touch the disk or the network.
 * Each one is used by `test/network/failpoints.test.ts`; a test of the sources holds that.
 */

export const FAILPOINTS = [
  /** A file is written beside the one it replaces, and synced: manifest, key, settings. */
  'disk.replace.before-rename',
  /** It has taken the place of the old one; the folder is not synced yet. */
  'disk.replace.after-rename',
  /** The first database stands beside its place, whole and synced. */
  'disk.make.before-rename',
  /** It stands in its place; the manifest still says 'making'. */
  'disk.make.after-rename',
  /** Commits are on disk; the manifest is about to take their position as the sentinel. */
  'disk.sentinel.before-write',
  /** A commit is about to be handed to the database. An error here is one of its append. */
  'disk.commit.before-sync',
  /** It is on disk; nobody knows. An error here is one of its sync. */
  'disk.commit.after-sync',
  /** Recovery from a fence: the failed handle is closed, the next one not yet open. */
  'disk.reopen.closed',
  /** The next one is open; memory is still that of before. */
  'disk.reopen.opened',
  /** Memory is built anew; the newest batch is about to be written once more. */
  'store.reopen.before-rewrite',
  /** An epoch is minted for a batch that is on no disk yet. */
  'store.epoch.minted',
  /** A commit is on disk and in memory; the engine has not been told. */
  'engine.commit.before-told',
  /** The state machine has taken the commit in, and its effects are performed; the writer has no answer yet. */
  'engine.commit.after-told',
  /** Batches of a peer are on disk; the state machine has not been told. */
  'engine.apply.durable',
  /** An ACK is about to be sent. */
  'engine.ack.before-send',
  /** It was handed to the stream. */
  'engine.ack.after-send',
  /** An ACK came; the account of the peer does not show it yet. */
  'engine.ack.received',
  /** The account of a peer changed in memory; it is written with a later commit. */
  'engine.cursor.before-save'
] as const

export type Failpoint = (typeof FAILPOINTS)[number]

let armed: ((name: Failpoint) => void) | undefined

/** Passes the failpoint. Throws only what an armed one is told to throw. */
export function failpoint(name: Failpoint): void {
  if (armed !== undefined) armed(name)
}

/** Has `onPass` called whenever a failpoint is passed, in this process and until it ends. */
export function armFailpoints(onPass: (name: Failpoint) => void): void {
  armed = onPass
}
