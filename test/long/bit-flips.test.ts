/** A thousand flipped bits, each in a fresh copy of a data directory. */
import { test } from 'node:test'
import { flipCampaign } from '../network/bit-flips.js'
import { testSeed } from '../support/random.js'

const FLIPS = 1_000

test('each of a thousand flipped bits is without effect, or found and mended from the log and the peer, or named where only a backup helps', t =>
  flipCampaign(testSeed('a thousand bit flips'), FLIPS, line => t.diagnostic(line)))
