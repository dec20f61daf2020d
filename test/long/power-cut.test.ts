/** Power cuts during many commits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TAILS } from '../store/power-cut.js'
import { cutDuringCommits } from '../store/power-cut-cases.js'
import { inFastFolder } from '../support/folders.js'
import { testSeed } from '../support/random.js'

const COMMITS = 150

test('a power cut during any of many commits keeps every acknowledged op and no half of a batch', () =>
  inFastFolder(async folder => {
    const cuts = await cutDuringCommits(folder, COMMITS, testSeed('power cuts'))
    assert.ok(cuts >= COMMITS * TAILS.length, `${cuts} cuts`)
  }))
