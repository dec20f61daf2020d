/** Whatever bytes come in, decoders answer or refuse. The whole campaign is `main.ts`; here runs the hundredth part of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testSeed } from '../support/random.js'
import { loadCorpus } from './corpus.js'
import { nameOf, run, tryOne } from './run.js'
import { Broken } from './target.js'
import { FILE_TARGETS, TARGETS } from './targets/index.js'

const INPUTS = 100_000
const FILE_INPUTS = 400
/** Milliseconds after which fewer inputs are enough: a machine that is this slow is busy. */
const WITHIN_MS = 30_000

const seed = testSeed('fuzz')
const corpus = loadCorpus()
const all = [...TARGETS, ...FILE_TARGETS]

test('every seed is well formed, and every decoder refuses something', async () => {
  for (const target of all) {
    for (const bytes of target.seeds) {
      const outcome = await tryOne(target, bytes)
      assert.ok('kind' in outcome, `${target.name}: ${JSON.stringify(outcome)}`)
    }
  }
})

test('every saved input is answered or refused, also those that once were not', async () => {
  for (const [name, inputs] of corpus) {
    const target = all.find(one => one.name === name)
    assert.ok(target !== undefined, `no decoder is named ${name}`)
    for (const bytes of inputs) {
      const outcome = await tryOne(target, bytes)
      assert.ok('kind' in outcome, `${name} ${nameOf(bytes)}: ${JSON.stringify(outcome)}`)
    }
  }
})

test(`${INPUTS} mutants are answered or refused by the error of their type, in bounded time, and what is taken reads the same again`, async t => {
  const result = await run({ targets: TARGETS, seed, inputs: INPUTS, withinMs: WITHIN_MS, corpus })
  assert.deepEqual(result.failures.map(shown), [])
  t.diagnostic(`${result.inputs} inputs in ${(result.ms / 1000).toFixed(1)} s, seed ${seed}`)
  for (const { target, accepted, kinds } of result.tallies) {
    assert.ok(kinds.size >= 2, `${target}: all inputs got one answer`)
    assert.ok(accepted > 0, `${target}: no input was taken, so nothing was read again`)
  }
})

test(`${FILE_INPUTS} mutants of the files beside the database are read or refused`, async () => {
  const result = await run({ targets: FILE_TARGETS, seed, inputs: FILE_INPUTS, withinMs: WITHIN_MS, corpus })
  assert.deepEqual(result.failures.map(shown), [])
})

test('a decoder that breaks its promise is noticed', async () => {
  const target = {
    ...TARGETS[0]!,
    read(bytes: Uint8Array): string {
      if (bytes.length % 2 === 1) throw new Broken('planted')
      return 'read'
    }
  }
  const { failures } = await run({ targets: [target], seed, inputs: 1000, corpus: new Map() })
  assert.equal(failures.length, 1)
  assert.match(failures[0]!.reason, /planted/)
})

function shown({ target, bytes, reason }: { target: string; bytes: Uint8Array; reason: string }): string {
  return `${target} ${Buffer.from(bytes).toString('hex')}: ${reason} (seed ${seed})`
}
