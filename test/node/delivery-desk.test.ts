/** The pages of the desk, read in slices while others change what is listed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Outbox } from '../../src/delivery/index.js'
import { DeliveryDesk } from '../../src/node/delivery/desk.js'
import { HandClock } from '../store/harness.js'

const COUNT = 40

/** A desk over operations `0` to `39`; `between` runs before each slice but the first. */
async function slowly(
  t: { after(run: () => Promise<void>): void },
  between: (outbox: Outbox) => Promise<void>
) {
  const clock = new HandClock()
  const outbox = await Outbox.open({ clock })
  t.after(() => outbox.close())
  for (let i = 0; i < COUNT; i++) await outbox.enqueue({ kind: 'x', target: 'y', id: String(i) })
  let slices = 0
  const desk = new DeliveryDesk({
    clock,
    outbox: new Proxy(outbox, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        if (name !== 'list') return value.bind(target)
        return async (...args: unknown[]) => {
          if (slices++ > 0) await between(outbox)
          return value.apply(target, args)
        }
      }
    })
  })
  return { desk, slices: () => slices }
}

const idsOf = ({ operations }: { operations: { id: string }[] }) => operations.map(({ id }) => Number(id))

test('the last of a slice is dropped before the next is read: nothing is left out or shown twice', async t => {
  const dropped: number[] = []
  const { desk, slices } = await slowly(t, async outbox => {
    if (dropped.length > 0) return
    for (const id of [15, 14, 13, 20]) {
      await outbox.drop(String(id))
      dropped.push(id)
    }
  })
  const shown = idsOf(await desk.list())
  assert.ok(slices() > 2)
  // 13 to 15 had been read before they were dropped; 20 had not.
  assert.deepEqual(
    shown,
    [...Array(COUNT).keys()].filter(id => id !== 20)
  )
})

test('all of a slice is dropped: the page goes on with what is left', async t => {
  let done = false
  const { desk } = await slowly(t, async outbox => {
    if (done) return
    done = true
    for (let id = 0; id < 16; id++) await outbox.drop(String(id))
  })
  assert.deepEqual(idsOf(await desk.list()), [...Array(COUNT).keys()])
})

test('a place to go on from that was never there is NOT_FOUND', async t => {
  const { desk } = await slowly(t, async () => undefined)
  await assert.rejects(desk.list({ after: 'nobody' }), { code: 'NOT_FOUND' })
})

test('a page is cut at its limit and says where the next one begins', async t => {
  const { desk } = await slowly(t, async () => undefined)
  const first = await desk.list({ limit: 17 })
  assert.deepEqual([idsOf(first).length, first.next], [17, '16'])
  const rest = await desk.list({ limit: 23, after: first.next! })
  assert.deepEqual([idsOf(rest)[0], idsOf(rest).length, rest.next], [17, 23, null])
})
