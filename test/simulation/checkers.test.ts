/** Canaries: each checker fails on a history in which its property is broken, and none on one in which all hold. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { utf8 } from '../../src/base/index.js'
import type { Batch, Hello, Mark, Op, StoreId } from '../../src/log/index.js'
import { clientIdExtension, OP_KIND, tipOf } from '../../src/log/index.js'
import { put, START_MS } from '../log/fixtures.js'
import { Fold } from './checkers/reference.js'
import { Story } from './story.js'
import { PropertyBroken } from './world.js'

const key = utf8('k')

/** The op over all versions that the batches before it made of the key. */
function over(op: Op, ...batches: Batch[]): Op {
  return { ...op, over: batches.map(({ id }) => ({ batch: id.slice(0, 32) as never, index: 0 })) }
}

function withId(op: Op, id: string): Op {
  return { ...op, extensions: [clientIdExtension(id, 0, nodeCrypto)] }
}

function dep({ header, id }: Batch): { author: never; epoch: never; seq: number; id: never } {
  const { author, epoch, seq } = header
  return { author, epoch, seq, id } as never
}

function mark(position: number): Mark {
  return { position, check: '0'.repeat(16) }
}

function hello(window: number): Hello {
  const rest = {
    protocol: 1,
    database: '' as never,
    store: '' as StoreId,
    durable: true,
    yours: [],
    digest: ''
  }
  return { type: 'hello', ...rest, position: mark(0), window }
}

async function breaks(
  property: string,
  run: (story: Story) => void | Promise<void>,
  message = /./
): Promise<void> {
  await assert.rejects(
    async () => {
      const story = new Story()
      await run(story)
      await story.end()
    },
    (error: unknown) => {
      if (!(error instanceof PropertyBroken)) throw error
      assert.equal(error.property, property, error.message)
      assert.match(error.message, message)
      return true
    }
  )
}

test('a sound history breaks nothing', async () => {
  const story = new Story()
  const { a, b } = story
  const first = a.writer.next({ ops: [put('k', '1')] })
  story.write(a, first)
  story.frame(a, b, hello(1000))
  story.frame(b, a, hello(1000))
  story.frame(a, b, { type: 'run', batches: [first], proof: [], position: mark(1) })
  story.commit(b, [first])
  story.account(b, a, { theirs: { store: '' as StoreId, position: 1, check: a.fold.checkAt(1)! } })
  story.account(a, b, { acked: 1 })
  story.tell(a, { type: 'receipt', peer: b.author, tip: tipOf(first), position: 1 })
  const second = b.writer.next({ ops: [over(put('k', '2'), first)], deps: [dep(first)] })
  story.write(b, second)
  story.commit(a, [second])
  const read = story.invoke(a, { kind: 'read', key })
  story.tell(a, { type: 'ok', op: read, answer: { kind: 'read', cell: a.cell(key) } })
  story.reopen(a, [first, second])
  story.tell(a, { type: 'life', what: 'stopped', left: [] })
  await story.end()
})

test('what was acknowledged and is gone after a crash is noticed', () =>
  breaks('acknowledged is durable', story => {
    story.write(story.a, story.a.writer.next())
    story.reopen(story.a, [])
  }))

test('memory that falls behind what was announced is noticed', () =>
  breaks('acknowledged is durable', story => {
    story.write(story.a, story.a.writer.next())
    story.a.says.position = 0
    story.settle()
  }))

test('a client that is answered before the commit is noticed', () =>
  breaks('acknowledged is durable', story => {
    const batch = story.make(story.a, story.a.writer.next())
    story.answer(story.a, 0, batch)
  }))

test('a batch that some node lacks in the end is noticed', () =>
  breaks('acknowledged is durable', story => story.write(story.a, story.a.writer.next())))

test('a batch applied before the one before it is noticed', () =>
  breaks('causal order', story => {
    const { a, b } = story
    story.write(a, a.writer.next())
    const second = a.writer.next()
    story.write(a, second)
    story.commit(b, [second])
  }))

test('a batch applied before what it names is noticed', () =>
  breaks('causal order', story => {
    const { a, b } = story
    const first = a.writer.next()
    story.write(a, first)
    story.commit(b, [first])
    const second = b.writer.next({ ops: [put('b', '1')], deps: [dep(a.writer.next())] })
    story.write(b, second)
  }))

test('a running check that is not that of the batches is noticed', () =>
  breaks('causal order', story => {
    const batch = story.make(story.a, story.a.writer.next())
    story.commit(story.a, [batch], { check: 'f'.repeat(16) })
  }))

test('a batch that was applied and not told is noticed', () =>
  breaks(
    'causal order',
    story => {
      const { a, b } = story
      const first = a.writer.next()
      story.write(a, first)
      const own = b.writer.next()
      story.make(b, own)
      story.commit(b, [first], { untold: [own] })
    },
    /at 1 was not told before 2/
  ))

test('two contents under one name are noticed', () =>
  breaks('one content per name', story => {
    const { a, b } = story
    story.write(a, a.writer.next({ ops: [put('x', '1')] }))
    const other = a.writer.restart(a.writer.epoch).next({ ops: [put('y', '2')] })
    story.make(a, other)
    story.commit(b, [other])
  }))

test('a first batch that does not name the epochs before it is noticed', () =>
  breaks('a writer names what it saw', story => {
    const { a } = story
    story.write(a, a.writer.next())
    story.write(a, a.writer.restart('6500000100000009').next({ ops: [put('x', '1')] }))
  }))

test('a write that leaves an older version is noticed', () =>
  breaks('a writer names what it saw', story => {
    const { a } = story
    story.write(a, a.writer.next({ ops: [put('k', '1')] }))
    story.write(a, a.writer.next({ ops: [put('k', '2')] }))
  }))

test('a forged batch is noticed', () =>
  breaks('no phantoms', story => story.commit(story.b, [story.a.writer.next()])))

test('an op that nobody asked for is noticed', () =>
  breaks('no phantoms', story => {
    const batch = story.a.writer.next()
    const { author, epoch, seq } = batch.header
    story.tell(story.a, { type: 'signed', author, epoch, seq, id: batch.id })
    story.commit(story.a, [batch])
  }))

test('a peer that is believed to have what it never had is noticed', () =>
  breaks('cursor safety', story => {
    const { a, b } = story
    story.write(a, a.writer.next())
    story.account(a, b, { acked: 1 })
  }))

test('a cursor over what is not here is noticed', () =>
  breaks('cursor safety', story => {
    const { a, b } = story
    story.write(a, a.writer.next())
    story.account(b, a, { theirs: { store: '' as StoreId, position: 1, check: a.fold.checkAt(1)! } })
  }))

test('a peer that was put back and is believed to have what it had is noticed', () =>
  breaks('cursor safety', story => {
    const { a, b } = story
    const batch = a.writer.next()
    story.write(a, batch)
    story.commit(b, [batch])
    story.account(a, b, { acked: 1 })
    story.reopen(b, [], 'rolled-back')
    story.frame(a, b, hello(1000))
    story.frame(b, a, hello(1000))
    story.frame(a, b, { type: 'ping', digest: '', position: mark(1) })
  }))

test('a receipt of a node that does not have the write is noticed', () =>
  breaks('receipts', story => {
    const { a, b } = story
    const batch = a.writer.next()
    story.write(a, batch)
    story.tell(a, { type: 'receipt', peer: b.author, tip: tipOf(batch), position: 1 })
  }))

test('a receipt of a node that does not sync is noticed', () =>
  breaks('receipts', story => {
    const { a, b } = story
    const batch = a.writer.next()
    story.write(a, batch)
    story.commit(b, [batch])
    b.durable = false
    story.tell(a, { type: 'receipt', peer: b.author, tip: tipOf(batch), position: 1 })
  }))

for (const says of [{ state: 'f'.repeat(32) }, { frontier: 'f'.repeat(32) }]) {
  test(`a wrong digest of the ${Object.keys(says)[0]} is noticed`, () =>
    breaks('equal frontier, equal state', story => {
      story.a.says = says
      story.write(story.a, story.a.writer.next())
    }))
}

test('records that are not what the log says are noticed', () =>
  breaks('what stands follows from the log', story => {
    story.a.says.damage = [{ where: 'the lists of keys', what: 'a key has a cell and is in none' }]
  }))

test('a write that was made twice is noticed', () =>
  breaks('effect once', async story => {
    const { a, b } = story
    const ops = [put('k', '1')]
    story.writeAs(a, { ops: [{ kind: OP_KIND.put, key, value: utf8('1') }] }, a.writer.next({ ops }))
    const twin = { ...ops[0]!, over: [{ seq: 1, index: 0 }] }
    const second = a.writer.next({ ops: [twin] })
    const { author, epoch, seq } = second.header
    story.tell(a, { type: 'signed', author, epoch, seq, id: second.id })
    story.commit(a, [second])
    story.commit(b, a.fold.order)
  }))

test('a write under a known id that is made again is noticed', () =>
  breaks('effect once', story => {
    const { a } = story
    const write = { ops: [{ kind: OP_KIND.put, key, value: utf8('1') }], id: 'c' }
    story.writeAs(a, write, a.writer.next({ ops: [withId(put('k', '1'), 'c')] }))
    const again = { ...withId(put('k', '1'), 'c'), over: [{ seq: 1, index: 0 }] }
    story.writeAs(a, write, a.writer.next({ ops: [again] }))
  }))

test('a known id whose condition is looked at is noticed', () =>
  breaks('effect once', story => {
    const { a } = story
    const write = { ops: [{ kind: OP_KIND.put, key, value: utf8('1') }], id: 'c' }
    story.writeAs(a, write, a.writer.next({ ops: [withId(put('k', '1'), 'c')] }))
    const op = story.invoke(a, { kind: 'write', write: { ...write, conditions: [{ key, at: null }] } })
    story.tell(a, { type: 'fail', op, code: 'PRECONDITION_FAILED' })
  }))

test('a write that was made although its condition did not hold is noticed', () =>
  breaks('effect once', story => {
    const { a } = story
    story.write(a, a.writer.next({ ops: [put('k', '1')] }))
    const ops = [{ kind: OP_KIND.put, key, value: utf8('2') }]
    const made = { ...put('k', '2'), over: [{ seq: 1, index: 0 }] }
    story.writeAs(a, { ops, conditions: [{ key, at: null }] }, a.writer.next({ ops: [made] }))
  }))

test('a walk that shows a part of a batch is noticed', () =>
  breaks('atomic batches', story => {
    const { a } = story
    story.write(a, a.writer.next({ ops: [put('k', '1'), put('l', '1')] }))
    const op = story.invoke(a, { kind: 'scan' })
    const found = [{ key, cell: a.cell(key) }]
    story.tell(a, { type: 'ok', op, answer: { kind: 'scan', found } })
  }))

test('an overwritten version that comes back is noticed', () =>
  breaks('overwritten versions never return', story => {
    const { a } = story
    story.write(a, a.writer.next({ ops: [put('k', '1')] }))
    const old = a.cell(key)!
    story.write(a, a.writer.next({ ops: [{ ...put('k', '2'), over: [{ seq: 1, index: 0 }] }] }))
    const op = story.invoke(a, { kind: 'read', key })
    const cell = { ...a.cell(key)!, heads: [...a.cell(key)!.heads, ...old.heads] }
    story.tell(a, { type: 'ok', op, answer: { kind: 'read', cell } })
  }))

test('a value that nobody signed is noticed', () =>
  breaks('damaged bytes are never read', story => {
    const { a } = story
    story.write(a, a.writer.next({ ops: [put('k', '1')] }))
    const op = story.invoke(a, { kind: 'read', key })
    const cell = a.cell(key)!
    const heads = cell.heads.map(head => ({ ...head, value: utf8('9') }))
    story.tell(a, { type: 'ok', op, answer: { kind: 'read', cell: { ...cell, heads } } })
  }))

test('a damaged batch that is sent is noticed', () =>
  breaks('damaged bytes are never sent', story => {
    const { a, b } = story
    const batch = a.writer.next({ ops: [put('k', '1')] })
    story.write(a, batch)
    story.frame(b, a, hello(1000))
    const damaged = { ...batch, body: batch.body.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) }
    story.frame(a, b, { type: 'run', batches: [damaged], proof: [] })
  }))

test('a time that does not rise is noticed', () =>
  breaks('clocks', story => {
    const { a } = story
    const time = { ms: START_MS, counter: 0 }
    story.write(a, a.writer.next({ time }))
    story.write(a, a.writer.next({ time }))
  }))

test('a time far ahead of the clock is noticed', () =>
  breaks('clocks', story => {
    const { a } = story
    story.write(a, a.writer.next({ time: { ms: START_MS + 100_000, counter: 0 } }))
  }))

test('data without a window is noticed', () =>
  breaks('bounded memory', story => {
    const { a, b } = story
    const batch = a.writer.next()
    story.write(a, batch)
    story.frame(b, a, hello(50))
    story.frame(a, b, { type: 'run', batches: [batch], proof: [] })
    story.frame(a, b, { type: 'run', batches: [batch], proof: [] })
  }))

test('a position that is told again is noticed', () =>
  breaks('nothing is told twice', story => {
    const { a, b } = story
    story.frame(a, b, { type: 'heads', tips: [], position: mark(1) })
    story.frame(a, b, { type: 'heads', tips: [], position: mark(1) })
  }))

test('a timer that is left behind is noticed', () =>
  breaks('nothing is left behind', story => {
    story.tell(story.a, { type: 'life', what: 'stopped', left: ['a timer'] })
  }))

test('a call that is never answered is noticed', () =>
  breaks('liveness after healing', story => {
    story.invoke(story.a, { kind: 'read', key })
  }))

test('a node that shows another value in the end is noticed', () =>
  breaks('convergence', story => {
    const { a, b } = story
    const batch = a.writer.next({ ops: [put('k', '1')] })
    story.write(a, batch)
    story.commit(b, [batch])
    b.says.cell = cell => ({ ...cell!, winner: undefined })
  }))

test('the reference demotes a copy of which another was overwritten, whichever comes first', () => {
  const { a, b, graph } = new Story()
  const first = a.writer.next({ ops: [withId(put('k', '1'), 'c')] })
  const copy = b.writer.next({ ops: [withId(put('k', '1'), 'c')] })
  const after = a.writer.next({ ops: [{ ...put('k', '2'), over: [{ seq: 1, index: 0 }] }] })
  const orders = [
    [first, copy, after],
    [first, after, copy],
    [copy, first, after]
  ]
  const digests = orders.map(order => {
    const fold = new Fold(graph, order)
    assert.equal(fold.winner('6b')?.batch.id, after.id)
    return fold.stateDigest()
  })
  assert.equal(new Set(digests).size, 1)
})
