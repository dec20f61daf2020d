/** The log: forks, tips of an author, client ids that came back with other content, keys in conflict. */
import { PROTOCOL } from '../../base/index.js'
import type { Author } from '../../log/index.js'
import { peerIdOf } from '../../log/index.js'
import type { Check, Patient } from './check.js'
import { called, counted, detailed, fail, isoOf, ok, warn, withCases } from './check.js'

/** Keys of the index of conflicts that are read, prefixes that are counted in full, and keys of each of these. */
const conflictKeys = 5_000
const prefixes = 5
const prefixCells = 2_000
const prefixBytes = 4 * 1024 * 1024
/** A prefix is told of where so many of its keys, and this share of them, have several versions. */
const manyConflicts = 10
const highShare = 0.05

export const logChecks: readonly Check[] = [
  {
    name: 'forks',
    needs: 'store',
    look({ store, node }) {
      const forks = store.survey().forks()
      const tips = new Map<Author, number>()
      for (const { author } of store.frontier) tips.set(author, (tips.get(author) ?? 0) + 1)
      const crowded = [...tips].filter(([, count]) => count > PROTOCOL.authorTips)
      const details = {
        forks: forks
          .slice(0, detailed)
          .map(({ author, epoch, seq }) => ({ author: peerIdOf(author), epoch, seq })),
        tips: store.frontier.size,
        crowded: crowded.map(([author, count]) => ({ author: peerIdOf(author), tips: count }))
      }
      const cases = forks.map(({ author, epoch, seq }) => {
        const own = author === store.author ? ', this node' : ''
        return `${called(author, node?.book)}${own}: epoch ${epoch}, from seq ${seq} on`
      })
      if (crowded.length > 0) {
        const most = crowded.map(([author, count]) => `${called(author, node?.book)}: ${count} tips`)
        return fail(
          withCases(`an author has more than ${PROTOCOL.authorTips} ends of its log`, [...most, ...cases]),
          `Find out whether that author is broken or lies; keep it out with: natter block ${peerIdOf(crowded[0]![0])}`,
          details
        )
      }
      if (forks.length === 0) {
        return ok(`no author signed two batches under one name; ${counted(tips.size, 'author')}`, details)
      }
      return warn(
        withCases(`${counted(forks.length, 'epoch')} with two batches under one name`, cases),
        'Nothing is lost: both branches are kept. See that no copy of that directory, and no resumed snapshot of that machine, runs beside the original.',
        details
      )
    }
  },
  {
    name: 'client-ids',
    needs: 'store',
    look({ notes }) {
      const keys = [...notes.reused].map(([key, atMs]) => ({ key, at: isoOf(atMs) }))
      const details = { keys }
      if (keys.length === 0) return ok('no client id came back with other content since the start', details)
      return warn(
        withCases(
          `a client id came back with other content, and both writes took effect: ${counted(keys.length, 'key')}`,
          keys.map(({ key, at }) => `${key}, ${at}`)
        ),
        'Have that program use a new id for each new write; see what stands there with: natter versions KEY',
        details
      )
    }
  },
  { name: 'conflicts', needs: 'store', look: lookAtConflicts }
]

interface PrefixRate {
  readonly prefix: string
  readonly conflicted: number
  /** Keys of the prefix that were counted; `more`: there are more of them. */
  readonly keys: number
  readonly more: boolean
}

async function lookAtConflicts({ store }: Patient) {
  const { keys, more } = await store.survey().conflictKeys(conflictKeys)
  const total = store.status().keys
  const byPrefix = new Map<string, number>()
  for (const key of keys) {
    const prefix = prefixOf(key)
    byPrefix.set(prefix, (byPrefix.get(prefix) ?? 0) + 1)
  }
  const worst = [...byPrefix].sort((a, b) => b[1] - a[1]).slice(0, prefixes)
  const rates: PrefixRate[] = []
  for (const [prefix, conflicted] of worst) rates.push(await rateOf(store, prefix, conflicted, total))
  const details = { conflicted: keys.length, more, keys: total, prefixes: rates }
  if (keys.length === 0) return ok(`no key has more than one version; ${counted(total, 'key')}`, details)
  const sentence = `${more ? 'more than ' : ''}${counted(keys.length, 'key')} of ${total} with several concurrent versions`
  const evidence = withCases(sentence, rates.map(describeRate))
  const high = rates.filter(
    rate => !rate.more && rate.conflicted >= manyConflicts && rate.conflicted >= highShare * rate.keys
  )
  if (high.length === 0) return ok(evidence, details)
  return warn(
    evidence,
    'Nothing is lost: natter conflicts lists the keys, natter resolve KEY settles one. Where it goes on, give each node keys of its own.',
    details
  )
}

function describeRate({ prefix, conflicted, keys, more }: PrefixRate): string {
  const name = prefix === '' ? 'keys without a prefix' : prefix
  const share = more ? '' : ` (${((100 * conflicted) / Math.max(1, keys)).toFixed(1)} %)`
  return `${name}: ${conflicted} of ${more ? 'more than ' : ''}${keys}${share}`
}

async function rateOf(
  store: Patient['store'],
  prefix: string,
  conflicted: number,
  total: number
): Promise<PrefixRate> {
  if (prefix === '') return { prefix, conflicted, keys: total, more: false }
  const gte = new TextEncoder().encode(prefix)
  const lt = gte.slice()
  lt[lt.length - 1]!++ // a separator is below 0x7f
  const { looked, more } = await store.survey().cells({ gte, lt }, prefixCells, prefixBytes)
  return { prefix, conflicted, keys: looked, more }
}

/** Up to the first separator, with it; empty where there is none. */
function prefixOf(key: Uint8Array): string {
  const text = new TextDecoder().decode(key)
  return /^[^/:.|]*[/:.|]/.exec(text)?.[0] ?? ''
}
