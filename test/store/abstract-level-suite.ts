/**
 * Runs the suite of abstract-level under tape, on `ReplicatedLevel` in memory or on data directories, and prints TAP.
 * A program of its own, for tape keeps its state in the process. Argument: `memory`, or a folder for the directories.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { ReplicatedLevel, type ReplicatedLevelOptions } from '../../src/store/replicated-level.js'

type Factory = (options?: ReplicatedLevelOptions) => ReplicatedLevel
type Same = (this: { pass(message?: string): void }, a: unknown, b: unknown, message?: string) => void

const require = createRequire(import.meta.url)
const suite = require('abstract-level/test') as (options: { test: unknown; factory: Factory }) => void
const test = require('tape') as { Test: { prototype: { same: Same } } }

// The comparison of tape takes half of the time of the suite. It has the last word where that of Node.js, which is as
// strict and much faster, does not find two values equal.
const slowly = test.Test.prototype.same
test.Test.prototype.same = function (a, b, message) {
  if (isDeepStrictEqual(a, b)) this.pass(message)
  else slowly.call(this, a, b, message)
}

const where = process.argv[2]!
let made = 0
const factory: Factory = options => {
  const location = where === 'memory' ? undefined : join(where, String(made++))
  return new ReplicatedLevel(location, options)
}

suite({ test, factory })
