import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Rates } from '../../src/base/index.js'

test('so many at once, then so many a second, each name for itself', () => {
  const rates = new Rates<string>({ perSecond: 10, burst: 3, most: 10 })
  const taken = (name: string, nowMs: number): boolean[] => [0, 0, 0, 0].map(() => rates.take(name, nowMs))
  assert.deepEqual(taken('a', 0), [true, true, true, false])
  assert.deepEqual(taken('b', 0), [true, true, true, false])
  assert.deepEqual(taken('a', 100), [true, false, false, false])
  assert.deepEqual(taken('a', 10_000), [true, true, true, false])
})

test('a clock that is set back gives nothing and takes nothing', () => {
  const rates = new Rates<string>({ perSecond: 10, burst: 2, most: 10 })
  assert.deepEqual([rates.take('a', 1000), rates.take('a', 500), rates.take('a', 0)], [true, true, false])
})

test('no more names than a number are remembered; the one that was not used longest goes', () => {
  const rates = new Rates<number>({ perSecond: 1, burst: 1, most: 100 })
  for (let name = 0; name < 101; name++) assert.equal(rates.take(name, 0), true)
  assert.equal(rates.take(100, 0), false)
  assert.equal(rates.take(0, 0), true)
})
