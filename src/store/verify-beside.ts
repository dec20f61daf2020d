/**
 * What stands beside the log and follows from a walk over it: branches, forks, tips, and the headers that cover unsigned
 * ends. Each record is compared with what it must be, byte for byte.
 */
import { equalBytes, toHex } from '../base/index.js'
import type { BareHeader, ShortId } from '../log/index.js'
import { nameBytes, signedMessage } from '../log/index.js'
import { encodeFork, ForkTable } from './forks.js'
import type { Inspection } from './inspection.js'
import { positionName } from './inspection.js'
import type { Chain } from './keys.js'
import { branchKey, chainOfKey, coverKey, forkKey, SPACE, textOf, tipKey } from './keys.js'
import { chainText } from './lineage.js'
import type { TipRecord } from './records.js'
import {
  decodeBranch,
  decodeBranchName,
  decodeCover,
  decodeTip,
  encodeBranch,
  encodeBranchName,
  encodeTip
} from './records.js'
import type { End } from './verify-log.js'

/** There is a record of every branch, and it names what the batches of the branch name. */
export async function inspectBranches(inspection: Inspection): Promise<void> {
  const { crypto } = inspection.init
  const { branches } = inspection.lineage
  const seen = new Set<string>()
  for await (const [key, value] of inspection.entries(SPACE.branch)) {
    const text = chainText(chainOfKey(key))
    seen.add(text)
    const computed = branches.get(text)
    if (computed === undefined) {
      const isRead = inspection.attempt(() => decodeBranch(key, value, crypto)) !== undefined
      if (inspection.bad.size === 0 || !isRead)
        await inspection.mend(`branch ${text}`, 'the log has no such branch', key, undefined)
      continue
    }
    const right = encodeBranch(key, computed.record, crypto)
    if (equalBytes(value, right)) continue
    const stored = inspection.attempt(() => decodeBranch(key, value, crypto))
    const what = stored === undefined ? 'its record is damaged' : 'it does not name what its batches name'
    await inspection.mend(`branch ${text}`, what, key, right)
  }
  for (const [text, { chain, record }] of branches) {
    if (seen.has(text)) continue
    const key = branchKey(chain)
    await inspection.mend(`branch ${text}`, 'its record is missing', key, encodeBranch(key, record, crypto))
  }
}

/** What is known as forked is what has branches, each from where it leaves the one before it, and has their names. */
export async function inspectForks(inspection: Inspection): Promise<void> {
  await inspectNames(inspection)
  const { crypto } = inspection.init
  const forks = new ForkTable()
  for (const { chain, record } of inspection.lineage.branches.values()) {
    const { author, epoch, branch } = chain
    if (branch > 0) forks.add({ author, epoch, seq: (record.parent?.seq ?? 0) + 1 })
  }
  const expected = new Map([...forks.values()].map(fork => [`${fork.author}/${fork.epoch}`, fork]))
  for await (const [key, value] of inspection.entries(SPACE.fork)) {
    const { author, epoch } = chainOfKey(key)
    const text = `${author}/${epoch}`
    const fork = expected.get(text)
    expected.delete(text)
    const right = fork && encodeFork(key, fork, crypto)
    if (right !== undefined && equalBytes(value, right)) continue
    const what = right === undefined ? 'the log has none there' : 'it is not what the branches say'
    await inspection.mend(`the fork ${text}`, what, key, right)
  }
  for (const [text, fork] of expected) {
    const key = forkKey(fork)
    await inspection.mend(`the fork ${text}`, 'its record is missing', key, encodeFork(key, fork, crypto))
  }
}

/** What is not on the first branch is found by its name. */
async function inspectNames(inspection: Inspection): Promise<void> {
  const { crypto } = inspection.init
  const { names } = inspection.lineage
  const seen = new Set<string>()
  for await (const [key, value] of inspection.entries(SPACE.branchName)) {
    const text = textOf(key)
    seen.add(text)
    const named = names.get(text)
    if (named === undefined) {
      const isRead = inspection.attempt(() => decodeBranchName(key, value, crypto)) !== undefined
      if (inspection.bad.size === 0 || !isRead)
        await inspection.mend(`the name ${toHex(key)}`, 'the log has no such batch', key, undefined)
      continue
    }
    const right = encodeBranchName(key, named.branch, crypto)
    if (!equalBytes(value, right))
      await inspection.mend(`the name ${toHex(key)}`, 'it does not lead to its branch', key, right)
  }
  for (const [text, { key, branch }] of names) {
    if (seen.has(text)) continue
    const right = encodeBranchName(key, branch, crypto)
    await inspection.mend(`the name ${toHex(key)}`, 'its record is missing', key, right)
  }
}

export async function inspectTips(
  inspection: Inspection,
  tips: ReadonlyMap<ShortId, TipRecord>
): Promise<void> {
  const { crypto } = inspection.init
  const missing = new Map(tips)
  for await (const [key, value] of inspection.entries(SPACE.tip)) {
    const stored = inspection.attempt(() => decodeTip(key, value, authorOfKey(key), crypto))
    const name = idOfKey(key)
    const tip = tips.get(name)
    const right = tip?.author === authorOfKey(key) ? encodeTip(key, tip, crypto) : undefined
    if (right !== undefined) missing.delete(name)
    if (right !== undefined && equalBytes(value, right)) continue
    const what =
      stored === undefined
        ? 'its record is damaged'
        : right === undefined
          ? 'the log has no such tip'
          : 'it is not what the log says'
    await inspection.mend(`the tip ${name}`, what, key, right)
  }
  for (const [name, tip] of missing) {
    const key = tipKey(tip.author, name)
    await inspection.mend(`the tip ${name}`, 'its record is missing', key, encodeTip(key, tip, crypto))
  }
}

/** A signature at the end of a branch covers all of it, for each header holds the id of the one before. */
export async function inspectCovers(inspection: Inspection, ends: ReadonlyMap<string, End>): Promise<void> {
  const { crypto } = inspection.init
  const needed = new Set<string>()
  for (const { chain, seq, position, id, bare } of ends.values()) {
    if (bare === undefined) {
      needed.add(chainText(chain))
      continue
    }
    let last = bare
    let broken: string | undefined
    if (bare.signature === undefined) {
      needed.add(chainText(chain))
      for (const next of (await storedCover(inspection, chain)) ?? []) {
        if (next.header.previous !== last.id) broken = 'the headers that cover it do not follow'
        last = next
      }
    }
    const { signature, header, headerBytes } = last
    if (signature === undefined) broken ??= 'no signature covers it'
    else if (!(await crypto.verify(nameBytes(header.author), signedMessage(headerBytes), signature)))
      broken ??= 'the signature that covers it is not of its author'
    if (broken === undefined) continue
    // With a signature of its own that is wrong the batch was never its author's: nobody has another.
    if (bare.signature !== undefined) inspection.fault(positionName(position), broken)
    else inspection.holes.push({ kind: 'cover', ...chain, seq, position, id })
  }
  for await (const [key] of inspection.entries(SPACE.cover)) {
    const chain = chainOfKey(key)
    if (!needed.has(chainText(chain)))
      await inspection.mend(`the cover of ${chainText(chain)}`, 'nothing needs it', key, undefined)
  }
}

async function storedCover(inspection: Inspection, chain: Chain): Promise<BareHeader[] | undefined> {
  const key = coverKey(chain)
  const value = await inspection.get(key)
  return value && inspection.attempt(() => decodeCover(key, value, inspection.init.crypto))
}

function authorOfKey(key: Uint8Array): number {
  return ((key[1]! << 24) | (key[2]! << 16) | (key[3]! << 8) | key[4]!) >>> 0
}

function idOfKey(key: Uint8Array): ShortId {
  let text = ''
  for (let i = 5; i < key.length; i++) text += key[i]!.toString(16).padStart(2, '0')
  return text as ShortId
}
