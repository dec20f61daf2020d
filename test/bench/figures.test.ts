/** What the benchmark makes of its figures: medians, verdicts, exponents, and records that are the same for both sides. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { exponentOf, growthLines } from '../../scripts/bench/growth.js'
import {
  bareLine,
  boundLine,
  formatBound,
  formatValue,
  percentile,
  ratioOf
} from '../../scripts/bench/line.js'
import { LogAxis, short } from '../../scripts/bench/plots/drawing.js'
import { Records } from '../../scripts/bench/records.js'

function points(values: readonly number[]): { size: number; value: number }[] {
  return values.map((value, i) => ({ size: 10 ** (4 + i), value }))
}

describe('growth', () => {
  it('is the exponent of the power that fits best', () => {
    const sizes = [1000, 20_000, 1_000_000]
    for (const exponent of [-0.3, 0, 0.5, 1]) {
      const exact = sizes.map(size => ({ size, value: 3 * size ** exponent }))
      assert.ok(Math.abs(exponentOf(exact) - exponent) < 1e-9)
    }
  })

  it('is a defect when a rate falls by more than a fifth from 10^4 to 10^6, and none below that', () => {
    const [falls] = growthLines('put', points([1000, 860, 750]))
    assert.deepEqual([falls?.ok, falls?.defect], [false, true])
    const [holds] = growthLines('put', points([1000, 920, 850]))
    assert.deepEqual([holds?.ok, holds?.defect], [true, false])
  })

  it('is a defect when memory or the time to open rise, not when they fall', () => {
    assert.equal(growthLines('memory', points([100, 109, 119]))[0]?.defect, false)
    assert.equal(growthLines('memory', points([100, 115, 130]))[0]?.defect, true)
    assert.equal(growthLines('open', points([50, 100, 200]))[0]?.defect, true)
    assert.equal(growthLines('open', points([50, 40, 30]))[0]?.defect, false)
  })

  it('is not told of a single size', () => {
    assert.deepEqual(growthLines('disk', points([300])), [])
  })
})

describe('a line', () => {
  it('compares medians of turns with its share of the bare figure', () => {
    const line = bareLine('x', { ours: [1, 60, 900], bare: [100, 90, 5000], quiet: '6/6' }, 'ops/s', {
      atLeast: 0.6
    })
    assert.deepEqual([line.value, line.bare, line.ok, ratioOf(line)], [60, 100, true, 0.6])
    assert.equal(formatBound(line), '≥ 0.6 × bare')
    const slow = bareLine('x', { ours: [59], bare: [100], quiet: '2/2' }, 'ops/s', { atLeast: 0.6 })
    assert.equal(slow.ok, false)
  })

  it('with a bound of its own misses it on the right side', () => {
    assert.equal(boundLine('x', 512, 'B', { atMost: 512 }).ok, true)
    assert.equal(boundLine('x', 513, 'B', { atMost: 512 }).ok, false)
    assert.equal(boundLine('x', Number.POSITIVE_INFINITY, 'ms', { atMost: 10_000 }).ok, false)
    assert.equal(formatValue(Number.POSITIVE_INFINITY, 'ms'), 'never')
  })

  it('takes percentiles from the sorted figures', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i)
    assert.deepEqual([percentile(hundred, 0.5), percentile(hundred, 0.99)], [51, 100])
  })
})

describe('records', () => {
  it('are the same for both sides, under keys that do not repeat', () => {
    assert.deepEqual(new Records().take(1000), new Records().take(1000))
    const keys = new Set(new Records().take(50_000).map(({ key }) => key))
    assert.equal(keys.size, 50_000)
  })

  it('go on behind those that a database was filled with', () => {
    assert.equal(new Records('bench', 50).take(1)[0]?.key, new Records().take(51)[50]?.key)
  })
})

describe('an axis', () => {
  it('spreads powers of ten evenly, and names them shortly', () => {
    const axis = LogAxis.around([20, 5000], 0, 300)
    assert.deepEqual(axis.ticks(), [10, 100, 1000, 10_000])
    assert.deepEqual(
      axis.ticks().map(tick => Math.round(axis.at(tick))),
      [0, 100, 200, 300]
    )
    assert.equal(axis.at(1), 0)
    assert.deepEqual([10, 1000, 25_300, 2_000_000].map(short), ['10', '1k', '25.3k', '2M'])
  })
})
