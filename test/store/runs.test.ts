/** Answering WANTs, covers of unsigned batches, tips and checks by position. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { FORMAT } from '../../src/base/index.js'
import type { BareHeader, Batch } from '../../src/log/index.js'
import { tipOf } from '../../src/log/index.js'
import type { Store } from '../../src/store/index.js'
import { logKey } from '../../src/store/keys.js'
import { checkRun } from '../../src/wire/index.js'
import { batchesOf, carry } from './exchange.js'
import { closeStore, put, SeededRandom, storeOf } from './harness.js'

async function writer(name: number, epochs: number, batches: number): Promise<Store> {
  let store = await storeOf(name, { random: new SeededRandom(name) })
  const { disk } = store
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (let i = 0; i < batches; i++) await store.write({ ops: [put(`k${i}`, `${name}/${epoch}/${i}`)] })
    await store.close()
    store = await storeOf(name, { disk, random: new SeededRandom(100 * name + epoch) })
  }
  return store
}

function unsigned({ header, headerBytes, id, body }: Batch): Batch {
  return { header, headerBytes, id, body }
}

function bare({ header, headerBytes, id, signature }: Batch): BareHeader {
  return { header, headerBytes, id, ...(signature !== undefined && { signature }) }
}

test('a run is what lies behind the tip and not behind what is held, across epochs, in arrival order', async () => {
  const store = await writer(1, 4, 5)
  const all = await batchesOf(store)
  assert.equal(all.length, 20)
  const tip = tipOf(all[19]!)
  for (const held of [0, 3, 4, 5, 12, 19]) {
    const run = store.openRun()
    const have = held === 0 ? [] : [tipOf(all[held - 1]!)]
    assert.equal(await run.add({ type: 'want', tip, have, offset: 0 }), true)
    const got: Batch[] = []
    for (let piece = await run.next(1); ; piece = await run.next(1)) {
      got.push(...piece.batches)
      if (piece.done) break
      assert.equal(piece.batches.length, 1)
    }
    assert.deepEqual(
      got.map(({ id }) => id),
      all.slice(held).map(({ id }) => id)
    )
    await run.close()
  }
  const strange = { ...tip, id: '00'.repeat(16) as typeof tip.id }
  const run = store.openRun()
  assert.equal(await run.add({ type: 'want', tip, have: [strange], offset: 0 }), false)
  assert.deepEqual(await run.next(1000), { batches: [], proof: [], done: true })
  assert.equal(await run.add({ type: 'want', tip, have: [strange, tipOf(all[18]!)], offset: 0 }), true)
  assert.equal((await run.next(1000)).batches.length, 1)
  await run.close()
  await closeStore(store)
})

test('several wants are merged in arrival order, each batch once', async () => {
  const [a, b] = [await writer(1, 1, 0), await writer(2, 2, 1)]
  for (let i = 0; i < 6; i++) {
    await a.write({ ops: [put('x', i)] })
    await carry(a, b)
    await b.write({ ops: [put('x', -i)] })
    await carry(b, a)
  }
  const run = a.openRun()
  for (const tip of a.frontier) await run.add({ type: 'want', tip, have: [], offset: 0 })
  for (const tip of a.frontier) await run.add({ type: 'want', tip, have: [], offset: 0 })
  const { batches, done } = await run.next(1 << 20)
  assert.equal(done, true)
  assert.equal(batches.length, a.mark.position)
  const positions = await Promise.all(batches.map(batch => a.positionOf(tipOf(batch))))
  assert.deepEqual(
    positions,
    [...positions].sort((x, y) => x! - y!)
  )
  await run.close()
  for (const store of [a, b]) await closeStore(store)
})

test('a batch that one commit takes signed from one peer and unsigned from another leaves no cover behind', async () => {
  const source = await writer(1, 1, 0)
  for (let i = 0; i < 5; i++) await source.write({ ops: [put('k', i)] })
  const [first, second, third, ...rest] = await batchesOf(source)
  const store = await storeOf(2)
  // The first is being committed when the others come, so that those two are one commit.
  await Promise.all([
    store.apply([first!]),
    store.apply([second!]),
    store.apply([unsigned(second!)], [bare(third!)])
  ])
  assert.deepEqual((await store.verify()).damage, [])
  await store.apply([third!, ...rest])
  assert.deepEqual((await store.verify()).damage, [])
  for (const one of [source, store]) await closeStore(one)
})

test('unsigned batches are proved by headers that follow, held until the signed one is applied', async () => {
  const source = await writer(1, 1, 0)
  for (let i = 0; i < 8; i++) await source.write({ ops: [put('k', i)] })
  const all = await batchesOf(source)
  const middle = await storeOf(2)
  await middle.apply(all.slice(0, 3).map(unsigned), [unsigned(all[3]!), all[4]!].map(bare))
  const ask = async (held: number, upTo: number): Promise<{ batches: Batch[]; proof: BareHeader[] }> => {
    const run = middle.openRun()
    const have = held === 0 ? [] : [tipOf(all[held - 1]!)]
    assert.equal(await run.add({ type: 'want', tip: tipOf(all[upTo - 1]!), have, offset: 0 }), true)
    const answer = await run.next(1 << 20)
    await run.close()
    return answer
  }
  let answer = await ask(0, 3)
  assert.equal(answer.batches.length, 3)
  assert.deepEqual(
    answer.proof.map(({ id }) => id),
    [all[3]!.id, all[4]!.id]
  )
  assert.deepEqual(answer.proof[1]!.signature, all[4]!.signature)
  assert.deepEqual((await middle.verify()).damage, [])
  // A part that ends within what is applied: applied headers lead on to the cover.
  answer = await ask(0, 2)
  assert.deepEqual(
    answer.proof.map(({ id }) => id),
    [all[2]!.id, all[3]!.id, all[4]!.id]
  )
  await middle.apply([unsigned(all[3]!), all[4]!])
  answer = await ask(1, 4)
  assert.deepEqual(
    answer.proof.map(({ id }) => id),
    [all[4]!.id]
  )
  assert.deepEqual((await ask(0, 5)).proof, [])
  assert.deepEqual((await middle.verify()).damage, [])
  await middle.apply([unsigned(all[5]!)])
  const { damage } = await middle.verify()
  assert.equal(damage.length, 1, 'nothing proves the last one')
  for (const store of [source, middle]) await closeStore(store)
})

test('each piece of a run proves itself, also where the next would go on', async () => {
  const source = await writer(1, 1, 0)
  for (let i = 0; i < 6; i++) await source.write({ ops: [put('k', i)] })
  const all = await batchesOf(source)
  const middle = await storeOf(2)
  await middle.apply([...all.slice(0, 4).map(unsigned), all[4]!, all[5]!])
  const run = middle.openRun()
  assert.equal(await run.add({ type: 'want', tip: tipOf(all[5]!), have: [], offset: 0 }), true)
  const proofs: BareHeader['id'][][] = []
  for (let piece = await run.next(1); ; piece = await run.next(1)) {
    await checkRun({ batches: piece.batches, proof: piece.proof }, nodeCrypto)
    proofs.push(piece.proof.map(({ id }) => id))
    if (piece.done) break
  }
  assert.deepEqual(proofs[2], [all[3]!.id, all[4]!.id])
  assert.deepEqual(proofs.slice(4, 6), [[], []])
  await run.close()
  for (const store of [source, middle]) await closeStore(store)
})

test('what a signature proves stays proved when the batches behind it come without it', async () => {
  const source = await writer(1, 1, 0)
  const length = 2 * FORMAT.unsignedBatches
  for (let i = 0; i < length; i++) await source.write({ ops: [put('k', i)] })
  const all = await batchesOf(source)
  const [half, most] = [FORMAT.unsignedBatches / 2, FORMAT.unsignedBatches]
  /** As a peer sends them that leaves out what a later signature of the same part covers. */
  const part = (from: number, to: number): Batch[] => [...all.slice(from, to - 1).map(unsigned), all[to - 1]!]
  const ways: ((store: Store) => Promise<unknown>)[] = [
    // The first half is proved by the signature of the batch `most`, which the next part leaves out.
    async store => {
      await store.apply(all.slice(0, half).map(unsigned), part(half, most).map(bare))
      await store.apply(part(half, length - half))
    },
    // The same in a single commit.
    async store => {
      await store.apply([all[0]!])
      await Promise.all([
        store.apply([all[1]!]),
        store.apply(all.slice(2, half).map(unsigned), part(half, most).map(bare)),
        store.apply(part(half, length - half))
      ])
    },
    // Several parts that end before that batch.
    async store => {
      await store.apply(all.slice(0, half).map(unsigned), part(half, most).map(bare))
      for (let at = half; at < length - half; at += 7) {
        const to = Math.min(at + 7, length - half)
        await store.apply(all.slice(at, to).map(unsigned), part(to, to + half).map(bare))
      }
    }
  ]
  for (const [at, way] of ways.entries()) {
    const store = await storeOf(2)
    await way(store)
    assert.equal(store.mark.position, length - half, `way ${at}`)
    const run = store.openRun()
    for (const tip of store.frontier) await run.add({ type: 'want', tip, have: [], offset: 0 })
    const { batches, proof, done } = await run.next(1 << 20)
    assert.equal(done, true)
    assert.equal(batches.length, length - half, `way ${at}`)
    await checkRun({ batches, proof }, nodeCrypto)
    assert.deepEqual((await store.verify()).damage, [], `way ${at}`)
    await run.close()
    await closeStore(store)
  }
  await closeStore(source)
})

test('tips and checks by position', async () => {
  const [a, b] = [await writer(1, 2, 2), await writer(2, 1, 3)]
  await carry(a, b)
  assert.equal((await b.tipsSince(0)).tips.length, 2)
  assert.deepEqual((await b.tipsSince(b.mark.position)).tips, [])
  const { tips, mark } = await b.tipsSince(3)
  assert.deepEqual(tips, [...a.frontier])
  assert.deepEqual(mark, b.mark)
  assert.equal(await b.checkAt(b.mark.position), b.mark.check)
  assert.notEqual(await b.checkAt(3), await a.checkAt(3))
  assert.equal(await b.checkAt(99), undefined)
  assert.equal(await b.checkAt(0), '0000000000000000')
  const backlog = await b.backlog(2, tip => tip.author === a.author)
  assert.equal(backlog.ops, 1)
  assert.equal((await b.backlog(0, () => false)).ops, b.status().ops)
  for (const store of [a, b]) await closeStore(store)
})

test('a run holds what was asked for or one batch, however sizes change', async () => {
  const store = await storeOf(1)
  const { disk } = store
  for (let i = 0; i < 100; i++) await store.write({ ops: [put(`small${i}`, i)] })
  const value = 'x'.repeat(300_000)
  for (let i = 0; i < 12; i++) await store.write({ ops: [put(`large${i}`, value)] })
  for (let i = 0; i < 100; i++) await store.write({ ops: [put(`small${i}`, -i)] })
  const getMany = disk.getMany.bind(disk)
  let most = 0
  disk.getMany = async (...asked) => {
    const values = await getMany(...asked)
    most = Math.max(
      most,
      values.reduce((sum, found) => sum + (found?.length ?? 0), 0)
    )
    return values
  }
  const run = store.openRun()
  await run.add({ type: 'want', tip: [...store.frontier][0]!, have: [], offset: 0 })
  let batches = 0
  let pieces = 0
  for (let done = false; !done; pieces++) {
    const piece = await run.next(256 * 1024)
    batches += piece.batches.length
    done = piece.done
  }
  assert.equal(batches, 212)
  assert.ok(pieces < 20, `${pieces} pieces`)
  assert.ok(most < 301_000, `${most} bytes at once`)
  await run.close()
  await closeStore(store)
})

test('a damaged record ends what is served of its branch, and nothing else', async () => {
  const [a, b] = [await writer(1, 1, 0), await writer(2, 1, 0)]
  for (let i = 0; i < 5; i++) {
    await a.write({ ops: [put('x', i)] })
    await b.write({ ops: [put('y', i)] })
    await carry(b, a)
  }
  const all = await batchesOf(a)
  const own = all.filter(({ header }) => header.author === a.author)
  const position = (await a.positionOf(tipOf(own[2]!)))!
  const at = logKey(position)
  const value = (await a.disk.get(at))!.slice()
  value[40]! ^= 4
  const write = a.disk.write()
  write.put(at, value)
  await a.disk.commit(write)
  const told: string[] = []
  a.onEvent('storage', ({ reason }) => told.push(reason ?? ''))
  for (let round = 0; round < 2; round++) {
    const served = await batchesOf(a)
    assert.deepEqual(
      served.map(({ id }) => id),
      all.filter(({ id }) => !own.slice(2).some(batch => batch.id === id)).map(({ id }) => id)
    )
  }
  assert.equal(told.length, 1)
  assert.match(told[0]!, new RegExp(`position ${position} of the log`))
  assert.equal(await a.checkAt(position), undefined)
  assert.equal((await a.backlog(0, () => false)).ops, 9)
  // What was held back comes when it is asked for from behind the damage.
  const run = a.openRun()
  const have = [tipOf(own[3]!)]
  assert.equal(await run.add({ type: 'want', tip: tipOf(own[4]!), have, offset: 0 }), true)
  assert.equal((await run.next(1000)).batches[0]!.id, own[4]!.id)
  await run.close()
  for (const store of [a, b]) await closeStore(store)
})

test('what damage leaves without a proof is not sent, nor what follows it', async () => {
  const a = await storeOf(1)
  for (let i = 0; i < 4; i++) await a.write({ ops: [put('k', i)] })
  const [first, second, third, fourth] = await batchesOf(a)
  const b = await storeOf(2)
  await b.apply([unsigned(first!), unsigned(second!), third!, fourth!])
  const write = b.disk.write()
  write.put(logKey(3), new Uint8Array(100))
  await b.disk.commit(write)
  const other = await storeOf(3)
  await other.write({ ops: [put('other', 1)] })
  await carry(other, b)
  for (const maxBytes of [1, 1 << 20]) {
    const run = b.openRun()
    for (const tip of b.frontier) await run.add({ type: 'want', tip, have: [], offset: 0 })
    const sent: Batch[] = []
    for (let done = false; !done; ) {
      const piece = await run.next(maxBytes)
      await checkRun({ type: 'run', ...piece } as Parameters<typeof checkRun>[0], nodeCrypto)
      sent.push(...piece.batches)
      done = piece.done
    }
    await run.close()
    assert.deepEqual(
      sent.map(({ header }) => header.author),
      [other.author]
    )
  }
  for (const store of [a, b, other]) await closeStore(store)
})
