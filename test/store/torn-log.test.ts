/** One commit of the write-ahead log damaged, and the directory repaired: the batch comes back from a peer. */
import assert from 'node:assert/strict'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { verifyDirectory } from '../../src/node/verify-directory.js'
import type { Store } from '../../src/store/index.js'
import { inFastFolder } from '../support/folders.js'
import { until } from '../support/until.js'
import { carry } from './exchange.js'
import { closeStore, put, storeOf } from './harness.js'
import { newestLog, sizeOf } from './power-cut.js'
import { openAt } from './power-cut-cases.js'

/** Commits of one life. */
const COMMITS = 6

/** Brings what is missing, known by name or not. */
async function refill(from: Store, to: Store): Promise<void> {
  const run = from.openRun()
  for (const { tip, have } of await to.missing())
    await run.add({ type: 'want', tip, have: [...have], offset: 0 })
  for (let done = false; !done; ) {
    const piece = await run.next(1 << 20)
    await to.apply(piece.batches, piece.proof)
    done = piece.done
  }
  await run.close()
  await carry(from, to)
}

test('whichever commit of the log is damaged, repair and a peer bring everything back, and verification finds nothing', () =>
  inFastFolder(async folder => {
    const live = join(folder, 'live')
    let ground = await openAt(live)
    const peer = await storeOf(9)
    await ground.store.write({ ops: [put('first', 1), put('shared', 'first')] })
    await carry(ground.store, peer)
    // The first commit of a life begins an epoch, which ends the tip of the one before.
    await ground.close()
    ground = await openAt(live)
    const log = newestLog(join(live, 'db'))
    const starts: number[] = []
    for (let n = 0; n < COMMITS; n++) {
      starts.push(sizeOf(log))
      if (n % 2 === 0)
        await ground.store.write({ ops: [put(`own ${n}`, n), ...(n > 0 ? [put('shared', n)] : [])] })
      else {
        await peer.write({ ops: [put(`theirs ${n}`, n)] })
        await carry(peer, ground.store)
      }
      await carry(ground.store, peer)
    }
    const whole = join(folder, 'whole')
    cpSync(live, whole, { recursive: true })
    rmSync(join(whole, 'lock'))
    const state = [ground.store.frontierDigest(), ground.store.stateDigest()]
    const { ops } = ground.store.status()
    await ground.close()
    for (const [n, start] of starts.slice(0, -1).entries()) {
      const copy = join(folder, 'copy')
      cpSync(whole, copy, { recursive: true })
      const path = join(copy, 'db', basename(log))
      const bytes = readFileSync(path)
      bytes[start + 40]! ^= 1
      writeFileSync(path, bytes)
      await verifyDirectory(copy, { repair: true })
      const mended = await openAt(copy)
      assert.deepEqual(
        (await mended.store.verify()).damage.length,
        (await mended.store.missing()).length,
        `${n}`
      )
      await refill(peer, mended.store)
      await until('the cells are made again', 5_000, () => mended.store.stateDigest() === state[1])
      assert.deepEqual((await mended.store.verify()).damage, [], `commit ${n}`)
      assert.deepEqual([mended.store.frontierDigest(), mended.store.stateDigest()], state, `commit ${n}`)
      assert.equal(mended.store.status().ops, ops, `commit ${n}`)
      await mended.close()
      rmSync(copy, { recursive: true })
    }
    await closeStore(peer)
  }))
