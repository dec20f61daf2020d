/** Seeded randomness for tests: the seed is printed, and `NATTER_TEST_SEED` replays it. */
import { randomInt } from 'node:crypto'

/** A seed from the environment, or a fresh one; printed either way. */
export function testSeed(what: string): number {
  const given = process.env['NATTER_TEST_SEED']
  const seed = given === undefined ? randomInt(2 ** 31) : Number(given)
  console.log(`${what}: seed ${seed} (replay with NATTER_TEST_SEED=${seed})`)
  return seed
}

/** Numbers in [0, 1) that follow from the seed (mulberry32). */
export function seededFractions(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
