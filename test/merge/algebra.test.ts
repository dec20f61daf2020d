/**
 * What a read shows is a function of the set of heads, and the set of heads is a function of the set of batches: any
 * order, any grouping, any repetition comes to the same, under every strategy. Stores are held against the model too.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import { toHex, utf8 } from '../../src/base/index.js'
import type { Author, Batch, Epoch, Identity, ShortId } from '../../src/log/index.js'
import { databaseIdOf } from '../../src/log/index.js'
import type { Strategy, Version } from '../../src/merge/index.js'
import { compareVersions, distinct, pick, STRATEGIES } from '../../src/merge/index.js'
import { depOn, HandAuthor } from '../hostile/author.js'
import { put } from '../log/fixtures.js'
import { applyAll } from '../store/exchange.js'
import { closeStore, seedOf, storeOf } from '../store/harness.js'
import { Model } from '../store/model.js'
import { testSeed } from '../support/random.js'

const seed = testSeed('algebra')
const values = ['1', '2', '1.0', '-0', '1e999', '"a"', '"b"', '{}', '[1]', 'no json', '\u0000']

/** Ties are common: few times, authors, seqs. Copies of one identity have one content and one fate. */
const version: fc.Arbitrary<Version> = fc
  .record({
    ms: fc.nat(2),
    counter: fc.nat(1),
    author: fc.constantFrom('aa', 'bb'),
    epoch: fc.constantFrom('01', '02'),
    seq: fc.integer({ min: 1, max: 2 }),
    index: fc.nat(1),
    id: fc.nat(3),
    kind: fc.constantFrom(1, 2, 7),
    value: fc.option(fc.constantFrom(...values), { nil: undefined }),
    identity: fc.option(fc.constantFrom('i1', 'i2', 'i3'), { nil: undefined })
  })
  .map(({ ms, counter, author, epoch, seq, index, id, kind, value, identity }) => {
    const shown = identity === undefined ? value : identity === 'i3' ? undefined : `"${identity}"`
    return {
      kind,
      time: { ms, counter },
      author: author as Author,
      epoch: epoch as Epoch,
      seq,
      index,
      id: String(id) as ShortId,
      demoted: identity === undefined ? false : identity === 'i1',
      ...(shown !== undefined && { value: utf8(shown) }),
      ...(identity !== undefined && { identity: identity as Identity })
    }
  })

const name = (one: Version): string =>
  [one.time.ms, one.time.counter, one.author, one.epoch, one.seq, one.index, one.id].join()
const heads = fc.uniqueArray(version, { maxLength: 7, selector: name })

const shuffled = heads.chain(list =>
  fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))
)

function shown(list: readonly Version[], strategy: Strategy): string | undefined {
  const value = pick(list, strategy)?.value
  return value && toHex(value)
}

const check = (property: fc.IRawProperty<unknown>, numRuns = 1000): void => {
  fc.assert(property as fc.IProperty<unknown>, { seed, numRuns })
}

describe(`a set of heads (seed ${seed})`, () => {
  for (const strategy of STRATEGIES) {
    test(`${strategy}: the order of heads decides nothing`, () => {
      check(
        fc.property(shuffled, ([list, other]) =>
          assert.deepEqual(pick(list, strategy), pick(other, strategy))
        )
      )
    })

    test(`${strategy}: a head that is there twice is there once`, () => {
      const copies = fc.property(heads, fc.nat(6), (list, at) => {
        const again = list[at]
        if (again?.identity === undefined) return
        // Another copy of the same client's op, later in the order, changes nothing.
        const copy = { ...again, time: { ms: 9, counter: 9 }, id: 'ff' as ShortId }
        assert.equal(shown([...list, copy], strategy), shown(list, strategy))
      })
      check(copies)
    })

    test(`${strategy}: who is overwritten ranks below everybody who is not`, () => {
      const below = fc.property(heads, list => {
        const upright = distinct(list).filter(one => !one.demoted)
        if (upright.length > 0) assert.equal(shown(list, strategy), shown(upright, strategy))
      })
      check(below)
    })

    test(`${strategy}: what is shown is one of the values, or all of them`, () => {
      const one = fc.property(heads, list => {
        const value = shown(list, strategy)
        if (value === undefined || strategy === 'all') return
        assert.ok(list.some(head => head.value !== undefined && toHex(head.value) === value))
      })
      check(one)
    })
  }

  test('latest and earliest are associative: the winner of two sets is the winner of their winners', () => {
    const parts = fc.property(heads, fc.nat(7), (list, cut) => {
      const upright = distinct(list).filter(one => !one.demoted)
      for (const sign of [1, -1]) {
        const best = (some: readonly Version[]): Version | undefined =>
          [...some].sort((a, b) => sign * compareVersions(a, b)).at(-1)
        const [a, b] = [best(upright.slice(0, cut)), best(upright.slice(cut))]
        const both = [a, b].filter(one => one !== undefined)
        assert.deepEqual(
          pick(both, sign === 1 ? 'latest' : 'earliest'),
          pick(upright, sign === 1 ? 'latest' : 'earliest')
        )
      }
    })
    check(parts)
  })

  test('a tombstone hides a key for latest and earliest when it wins, and never for the others', () => {
    const hides = fc.property(heads, list => {
      const live = distinct(list).some(one => !one.demoted && one.value !== undefined)
      for (const strategy of ['all', 'max', 'min'] as const)
        if (live) assert.notEqual(shown(list, strategy), undefined)
    })
    check(hides)
  })
})

interface Step {
  readonly author: number
  readonly key: number
  readonly value: number | undefined
  /** Which batches so far it saw, by bits. */
  readonly saw: number
}

/** Batches of three authors that overwrite what they saw of each other. */
function history(steps: readonly Step[]): Batch[] {
  const database = databaseIdOf('test', nodeCrypto)
  const authors = [1, 2, 3].map(number => new HandAuthor(database, nodeSigner(seedOf(number))))
  const batches: Batch[] = []
  for (const [number, { author, key, value, saw }] of steps.entries()) {
    const writer = authors[author]!
    const seen = batches.filter((batch, i) => (saw >> (i % 8)) & 1 && batch.header.author !== writer.author)
    const newest = new Map(seen.map(batch => [batch.header.author, batch]))
    const deps = [...newest.values()].map(depOn).sort((a, b) => (a.author < b.author ? -1 : 1))
    const over = [
      ...[...newest.values()].map(batch => ({ batch: batch.id.slice(0, 32) as ShortId, index: 0 })),
      ...(writer.seq > 0 && saw % 2 === 0 ? [{ seq: writer.seq, index: 0 }] : [])
    ]
    const text = value === undefined ? undefined : `"${value}"`
    const op =
      text === undefined
        ? { kind: 2, flags: 1, key: utf8(`k${key}`), over, extensions: [] }
        : { ...put(`k${key}`, text), over }
    batches.push(writer.next({ ops: [op], deps, time: { ms: 1_700_000_000_000 + (number % 3), counter: 0 } }))
  }
  return batches
}

test(`any order, grouping and repetition of the same batches comes to the same state, which is that of the model (seed ${seed})`, async () => {
  const step = fc.record({
    author: fc.nat(2),
    key: fc.nat(1),
    value: fc.option(fc.nat(3), { nil: undefined }),
    saw: fc.nat(255)
  })
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 1, maxLength: 9 }),
    fc.array(fc.nat(1000), { minLength: 24, maxLength: 24 }),
    async (steps, chance) => {
      const batches = history(steps)
      const order = batches
        .flatMap((batch, i) => [batch, ...(chance[i % 24]! % 3 === 0 ? [batch] : [])])
        .map((batch, i) => ({ batch, rank: chance[(i * 7) % 24]! }))
        .sort((a, b) => a.rank - b.rank)
        .map(({ batch }) => batch)
      const [straight, mixed] = [await storeOf(8), await storeOf(9)]
      try {
        await applyAll(straight, batches, () => 1)
        let turn = 0
        await applyAll(mixed, order, () => 1 + (chance[turn++ % 24]! % 4))
        assert.equal(mixed.stateDigest(), straight.stateDigest())
        assert.equal(mixed.frontierDigest(), straight.frontierDigest())
        for (const [key, cell] of new Model(batches).cells()) {
          const read = await mixed.get(Buffer.from(key, 'hex'))
          const value = read?.winner?.value
          assert.equal(value === undefined ? undefined : new TextDecoder().decode(value), cell.shown)
        }
      } finally {
        await closeStore(straight)
        await closeStore(mixed)
      }
    }
  )
  await fc.assert(property, { seed, numRuns: 60 })
})
