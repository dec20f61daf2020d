/**
 * Runs the suite of abstract-level under tape, on `ReplicatedLevel` in memory or on data directories, and prints TAP.
 * A program of its own, for tape keeps its state in the process. Argument: `memory`, or a folder for the directories.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { ReplicatedLevel, type ReplicatedLevelOptions } from '../../src/store/replicated-level.js'

type Factory = (options?: ReplicatedLevelOptions) => ReplicatedLevel

const require = createRequire(import.meta.url)
const suite = require('abstract-level/test') as (options: { test: unknown; factory: Factory }) => void
const test: unknown = require('tape')

const where = process.argv[2]!
let made = 0
const factory: Factory = options => {
  const location = where === 'memory' ? undefined : join(where, String(made++))
  return new ReplicatedLevel(location, options)
}

suite({ test, factory })
