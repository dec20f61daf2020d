import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareTime, formatTime, maxTime, nextTime, observeTime, ZERO_TIME } from '../../src/log/index.js'
import { Seeded } from './fixtures.js'

test('time rises with every step, whatever the wall clock does', () => {
  const seed = 99
  const seeded = new Seeded(seed)
  let last = ZERO_TIME
  let wall = 1000
  for (let i = 0; i < 5000; i++) {
    wall = Math.max(0, wall + seeded.below(7) - 3)
    const next = nextTime(last, wall)
    assert.ok(compareTime(next, last) > 0, `seed ${seed}, step ${i}`)
    assert.ok(next.ms >= wall && next.counter < 2 ** 16, `seed ${seed}, step ${i}`)
    last = next
  }
})

test('a full counter carries into the milliseconds', () => {
  assert.deepEqual(nextTime({ ms: 5, counter: 65_534 }, 5), { ms: 5, counter: 65_535 })
  assert.deepEqual(nextTime({ ms: 5, counter: 65_535 }, 5), { ms: 6, counter: 0 })
  assert.deepEqual(nextTime({ ms: 5, counter: 65_535 }, 7), { ms: 7, counter: 0 })
})

test('what was seen drags the clock along, at most so far past the wall', () => {
  const seen = { ms: 2000, counter: 9 }
  assert.deepEqual(observeTime(ZERO_TIME, seen, 1500, 60_000), seen)
  assert.deepEqual(observeTime({ ms: 3000, counter: 1 }, seen, 1500, 60_000), { ms: 3000, counter: 1 })
  assert.deepEqual(observeTime(ZERO_TIME, { ms: 1e12, counter: 9 }, 1500, 60_000), { ms: 61_500, counter: 0 })
  const next = nextTime(observeTime(ZERO_TIME, seen, 1500, 60_000), 1500)
  assert.ok(compareTime(next, seen) > 0)
})

test('the text of a time sorts as the time does', () => {
  const times = [
    ZERO_TIME,
    { ms: 0, counter: 65_535 },
    { ms: 1, counter: 0 },
    { ms: 1_700_000_000_000, counter: 3 },
    { ms: 2 ** 48 - 1, counter: 65_535 }
  ]
  const texts = times.map(formatTime)
  assert.deepEqual([...texts].sort(), texts)
  assert.deepEqual(texts[3], '018bcfe568000003')
  assert.ok(texts.every(text => text.length === 16))
  assert.deepEqual(maxTime(times[1]!, times[2]!), times[2])
})
