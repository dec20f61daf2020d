/** A flipped bit anywhere in a data directory. */
import { test } from 'node:test'
import { testSeed } from '../support/random.js'
import { flipCampaign } from './bit-flips.js'

const FLIPS = 100

test('a flipped bit in any file is without effect, or found and mended from the log and the peer, or named where only a backup helps', t =>
  flipCampaign(testSeed('bit flips'), FLIPS, line => t.diagnostic(line)))
