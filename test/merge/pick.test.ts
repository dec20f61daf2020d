/** Every strategy is a function of the set of versions: order does not matter, copies of one op count once. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { utf8 } from '../../src/base/index.js'
import type { Author, Epoch, Identity, ShortId } from '../../src/log/index.js'
import type { Strategy, Version } from '../../src/merge/index.js'
import { compareValues, compareVersions, distinct, pick, STRATEGIES } from '../../src/merge/index.js'

const seed = Number(process.env['NATTER_SEED'] ?? Date.now() % 1e9)
const texts = fc.constantFrom('1', '2', '1.0', '-7', '"a"', '"é"', '"b"', '{"x":1}', '[]', 'true', 'not json')

const version: fc.Arbitrary<Version> = fc
  .record({
    ms: fc.integer({ min: 0, max: 3 }),
    author: fc.constantFrom('aa', 'bb'),
    epoch: fc.constantFrom('01', '02'),
    seq: fc.integer({ min: 1, max: 3 }),
    index: fc.integer({ min: 0, max: 2 }),
    id: fc.integer({ min: 0, max: 5 }),
    value: fc.option(texts, { nil: undefined }),
    identity: fc.option(fc.constantFrom('i1', 'i2'), { nil: undefined })
  })
  .map(({ ms, author, epoch, seq, index, id, value, identity }) => ({
    kind: value === undefined ? 2 : 1,
    time: { ms, counter: 0 },
    author: author as Author,
    epoch: epoch as Epoch,
    seq,
    index,
    id: String(id) as ShortId,
    // Copies of one identity have one content and one fate.
    demoted: identity === 'i1',
    ...(value !== undefined && { value: utf8(identity === undefined ? value : `"${identity}"`) }),
    ...(identity !== undefined && { identity: identity as Identity })
  }))

const set = fc.uniqueArray(version, {
  maxLength: 6,
  selector: ({ author, epoch, seq, index, id }) => `${author}${epoch}${seq}${index}${id}`
})

function text(shown: Version | undefined): string | undefined {
  return shown?.value && new TextDecoder().decode(shown.value)
}

function make(ms: number, value: string | undefined, more: Partial<Version> = {}): Version {
  const base = { author: 'aa' as Author, epoch: '01' as Epoch, seq: 1, index: 0, id: String(ms) as ShortId }
  return {
    ...base,
    kind: value === undefined ? 2 : 1,
    time: { ms, counter: 0 },
    demoted: false,
    ...(value !== undefined && { value: utf8(value) }),
    ...more
  }
}

const show = (strategy: Strategy, ...versions: Version[]): string | undefined =>
  text(pick(versions, strategy))

describe(`picking a winner (NATTER_SEED=${seed})`, () => {
  for (const strategy of STRATEGIES) {
    it(`${strategy} does not depend on the order of versions`, () => {
      const shuffled = set.chain(versions =>
        fc.tuple(fc.constant(versions), fc.shuffledSubarray(versions, { minLength: versions.length }))
      )
      const same = fc.property(shuffled, ([versions, other]) => {
        assert.deepEqual(pick(versions, strategy), pick(other, strategy))
      })
      fc.assert(same, { seed, numRuns: 500 })
    })

    it(`${strategy} shows nothing of a demoted version while there is another`, () => {
      const property = fc.property(set, versions => {
        const upright = versions.filter(other => !other.demoted)
        if (upright.length > 0) assert.deepEqual(pick(versions, strategy), pick(upright, strategy))
      })
      fc.assert(property, { seed, numRuns: 300 })
    })
  }

  it('versions and values are totally ordered', () => {
    const transitive = fc.property(version, version, version, (a, b, c) => {
      assert.equal(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a)), 0)
      if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) assert.ok(compareVersions(a, c) <= 0)
    })
    fc.assert(transitive, { seed, numRuns: 500 })
    const values = fc.property(texts, texts, texts, (x, y, z) => {
      const [a, b, c] = [utf8(x), utf8(y), utf8(z)]
      assert.equal(Math.sign(compareValues(a, b)) + Math.sign(compareValues(b, a)), 0)
      if (compareValues(a, b) <= 0 && compareValues(b, c) <= 0) assert.ok(compareValues(a, c) <= 0)
    })
    fc.assert(values, { seed, numRuns: 500 })
  })

  it('copies of one op count once, and the least stands for them', () => {
    const copy = { identity: 'i' as Identity }
    const versions = [make(1, '"v"', copy), make(9, '"v"', copy), make(5, '"w"')]
    assert.equal(distinct(versions).length, 2)
    assert.equal(show('latest', ...versions), '"w"')
    assert.equal(show('all', ...versions), '["v","w"]')
  })

  it('latest and earliest take a tombstone like any version', () => {
    assert.equal(show('latest', make(1, '1'), make(2, undefined)), undefined)
    assert.equal(show('earliest', make(1, '1'), make(2, undefined)), '1')
    assert.equal(show('earliest', make(1, undefined), make(2, '2')), undefined)
  })

  it('all, max and min see values only', () => {
    const versions = [make(1, '10'), make(2, '9'), make(3, undefined)]
    assert.equal(show('max', ...versions), '10')
    assert.equal(show('min', ...versions), '9')
    assert.equal(show('all', ...versions), '[10,9]')
    assert.equal(show('all', make(1, '10'), make(3, undefined)), '10')
    assert.equal(show('all', make(1, undefined), make(3, undefined)), undefined)
    assert.equal(show('all', make(1, 'no json'), make(2, '1')), '["bm8ganNvbg==",1]')
  })

  it('a tombstone above a demoted value keeps the key absent under every strategy', () => {
    const demoted = make(9, '1', { demoted: true, identity: 'i' as Identity })
    for (const strategy of STRATEGIES) assert.equal(show(strategy, demoted, make(1, undefined)), undefined)
  })

  it('numbers come before texts, texts before other bytes; equal values leave it to the order of versions', () => {
    assert.equal(show('max', make(1, '5'), make(2, '"a"'), make(3, '{}')), '{}')
    assert.equal(show('min', make(1, '5'), make(2, '"a"'), make(3, '{}')), '5')
    assert.equal(show('max', make(1, '"b"'), make(2, '"a"')), '"b"')
    assert.equal(show('max', make(1, '1'), make(2, '1.0')), '1.0')
    assert.equal(show('max', make(1, '1e999'), make(2, '7')), '1e999')
  })
})
