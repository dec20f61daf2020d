/**
 * Picks what a read shows among the concurrent versions of a key.
 *
 * In this order: copies of one client's op count once, and the copy that is least in the order of versions stands for
 * it; versions whose other copy was overwritten (demoted) are looked at only when there is no other; then the strategy
 * decides. `latest` and `earliest` take the greatest and the least version, a tombstone like any other. `all`, `max` and
 * `min` see values only, and the key is absent when none is left. `max` and `min` go by `compareValues`, the greatest
 * version deciding among equal values. `all` shows one value as it is and several as a JSON array in the order of
 * versions; values that are not JSON stand in it as texts of base64. The kind of an op decides nothing here.
 */
import { concatBytes, utf8 } from '../base/index.js'
import type { Strategy, Version } from './strategy.js'
import { compareVersions } from './strategy.js'
import { compareValues, parseJson } from './value-order.js'

/** One version for each client's op: of several copies the least stays. In no particular order. */
export function distinct(versions: readonly Version[]): readonly Version[] {
  if (versions.length < 2 || !versions.some(version => version.identity !== undefined)) return versions
  const copies = new Map<string, Version>()
  const others: Version[] = []
  for (const version of versions) {
    if (version.identity === undefined) {
      others.push(version)
      continue
    }
    const known = copies.get(version.identity)
    if (known === undefined || compareVersions(version, known) < 0) copies.set(version.identity, version)
  }
  return [...others, ...copies.values()]
}

/** The version that a read shows, or undefined when the key reads as absent. */
export function pick(versions: readonly Version[], strategy: Strategy): Version | undefined {
  const first = versions[0]
  if (first === undefined) return undefined
  if (versions.length === 1) return first.value === undefined ? undefined : first
  const all = distinct(versions)
  const upright = all.filter(version => !version.demoted)
  const ranked = upright.length > 0 ? upright : all
  if (strategy === 'latest' || strategy === 'earliest') {
    const chosen = extreme(ranked, strategy === 'latest' ? 1 : -1, compareVersions)
    return chosen?.value === undefined ? undefined : chosen
  }
  const live = ranked.filter(isLive)
  if (strategy === 'all') return together(live)
  const sign = strategy === 'max' ? 1 : -1
  return extreme(live, 1, (a, b) => sign * compareValues(a.value, b.value) || compareVersions(a, b))
}

type Live = Version & { readonly value: Uint8Array }

function isLive(version: Version): version is Live {
  return version.value !== undefined
}

function extreme<V extends Version>(
  versions: readonly V[],
  sign: 1 | -1,
  compare: (a: V, b: V) => number
): V | undefined {
  let best: V | undefined
  for (const version of versions) {
    if (best === undefined || sign * compare(version, best) > 0) best = version
  }
  return best
}

function together(live: readonly Live[]): Version | undefined {
  if (live.length < 2) return live[0]
  const sorted = [...live].sort(compareVersions)
  const parts: Uint8Array[] = []
  for (const { value } of sorted) {
    parts.push(utf8(parts.length === 0 ? '[' : ','), parseJson(value) === undefined ? base64(value) : value)
  }
  return { ...sorted[sorted.length - 1]!, value: concatBytes(...parts, utf8(']')) }
}

function base64(bytes: Uint8Array): Uint8Array {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return utf8(JSON.stringify(btoa(text)))
}
