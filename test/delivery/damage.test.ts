/** Records that are damaged: each is found when it is read, and holds up nobody but itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isNatterError } from '../../src/base/index.js'
import { Outbox, RecordingTransport, SyncWorker } from '../../src/delivery/index.js'
import { logKey, stateKey, TOTALS_KEY } from '../../src/delivery/keys.js'
import type { Disk } from '../../src/disk/index.js'
import { openMemoryDisk } from '../../src/disk/index.js'
import { known } from './with-outbox.js'

const DAY_MS = 86_400_000
const damaged = (error: unknown): boolean => isNatterError(error, 'STORE_DAMAGED')

async function flip(disk: Disk, key: Uint8Array): Promise<void> {
  const value = (await disk.get(key))!.slice()
  value[value.length >> 1]! ^= 1
  const write = disk.write()
  write.put(key, value)
  await disk.commit(write)
}

async function withOutbox(run: (outbox: Outbox, disk: Disk) => Promise<void>): Promise<void> {
  const disk = await openMemoryDisk()
  const outbox = await Outbox.over({ disk, owner: 'one' })
  await run(outbox, disk)
  await outbox.close()
  await disk.close()
}

test('a state that is damaged is told, and other operations are sent, taken over and removed', () =>
  withOutbox(async (outbox, disk) => {
    const op = (target: string) => outbox.enqueue({ kind: 'k', target, id: target }, 0)
    for (const name of ['waits', 'held', 'done']) await op(name)
    for (const name of ['held', 'done']) await outbox.claim(name, 0)
    await outbox.complete('done', 0)
    for (const seq of [1, 2, 3]) await flip(disk, stateKey(seq))
    for (const name of ['left', 'fresh']) await op(name)
    await outbox.claim('left', 0)
    const transport = new RecordingTransport()
    const worker = new SyncWorker({ outbox, transport })
    const told: string[] = []
    worker.events.addEventListener('error', ({ detail }) => told.push(String(detail.code)))
    assert.equal(await worker.tick(20_000), 2)
    assert.deepEqual(transport.calls.map(call => call.id).sort(), ['fresh', 'left'])
    assert.deepEqual(told, ['STORE_DAMAGED'])
    await worker.tick(20_000 + 8 * DAY_MS)
    assert.equal(await outbox.get('fresh'), undefined)
    for (const name of ['waits', 'held', 'done']) await assert.rejects(outbox.get(name), damaged)
    await assert.rejects(outbox.retry('waits'), damaged)
  }))

test('an operation whose content is damaged is given up, and its target goes on', () =>
  withOutbox(async (outbox, disk) => {
    for (const id of ['a', 'b']) await outbox.enqueue({ kind: 'k', target: 't', id }, 0)
    await flip(disk, logKey(1))
    const transport = new RecordingTransport()
    assert.equal(await new SyncWorker({ outbox, transport }).tick(0), 1)
    assert.deepEqual(
      transport.calls.map(call => call.id),
      ['b']
    )
    assert.equal(outbox.counts()['permanent-failed'], 1)
    assert.equal((await known(outbox, 'b')).status, 'done')
    await assert.rejects(
      outbox.replay({}, () => undefined),
      damaged
    )
    await outbox.drop('a')
    assert.deepEqual(
      (await outbox.list()).map(op => op.id),
      ['b']
    )
  }))

test('a list with an operation whose content is damaged names it, so that it can be dropped', () =>
  withOutbox(async (outbox, disk) => {
    for (const id of ['a', 'b']) await outbox.enqueue({ kind: 'k', target: 't', id }, 0)
    await flip(disk, logKey(1))
    await assert.rejects(outbox.list(), { code: 'STORE_DAMAGED', message: /the operation a is damaged/ })
    await outbox.drop('a')
    assert.deepEqual(
      (await outbox.list()).map(op => op.id),
      ['b']
    )
  }))

test('an outbox without its totals does not open', () =>
  withOutbox(async (outbox, disk) => {
    await outbox.enqueue({ kind: 'k', target: 't' })
    await flip(disk, TOTALS_KEY)
    await assert.rejects(Outbox.over({ disk }), damaged)
    const write = disk.write()
    write.del(TOTALS_KEY)
    await disk.commit(write)
    await assert.rejects(Outbox.over({ disk }), damaged)
  }))
