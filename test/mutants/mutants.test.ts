/** The table of planted bugs: each still has its place, and the way they are tried does tell caught from not caught. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import type { Mutant } from './mutant.js'
import { MUTANTS, plant } from './mutants.js'
import { Trees } from './tree.js'
import { tryMutant } from './trial.js'

test('every bug has a name of its own and stands at one place of the sources', () => {
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length)
  const lost: string[] = []
  for (const mutant of MUTANTS) {
    try {
      assert.notEqual(plant(mutant), '')
    } catch (error) {
      lost.push((error as Error).message)
    }
  }
  assert.deepEqual(lost, [])
})

test('test files that are to catch a bug exist', () => {
  for (const path of MUTANTS.flatMap(({ tests = [] }) => tests)) assert.ok(existsSync(path), path)
})

test('a bug is caught by the simulator or by its test file, and what changes nothing is not', async () => {
  const known = (name: string): Mutant => MUTANTS.find(mutant => mutant.name === name)!
  const byTest: Mutant = {
    name: 'counter-stands',
    file: 'src/log/hybrid-clock.ts',
    find: 'counter: last.counter + 1 }',
    replace: 'counter: last.counter }',
    promise: 'hybrid time rises strictly within an epoch',
    tests: ['test/log/hybrid-clock.test.ts']
  }
  const harmless: Mutant = {
    ...byTest,
    name: 'harmless',
    replace: 'counter: 1 + last.counter }'
  }
  const mutants = [known('answer-before-sync'), byTest, harmless]
  const trees = new Trees()
  try {
    await trees.compile(mutants)
    const trials = []
    for (const mutant of mutants) trials.push(await tryMutant(trees, mutant, 5))
    assert.deepEqual(
      trials.map(({ caughtBy }) => caughtBy),
      ['acknowledged is durable', 'test/log/hybrid-clock.test.ts', undefined]
    )
  } finally {
    trees.remove()
  }
})
