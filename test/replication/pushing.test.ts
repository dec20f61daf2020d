/** How own batches are pushed: at once while few are on their way, together when they come faster than acks. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Batch } from '../../src/log/index.js'
import type { SimNode } from './simulation.js'
import { Simulation } from './simulation.js'

function pair(sim: Simulation): [SimNode, SimNode] {
  const [a, b] = [sim.node(), sim.node()]
  sim.connect(a, b)
  return [a, b]
}

describe('pushes', () => {
  it('gather small batches that come faster than acks, for one push each time an ack comes', () => {
    const sim = new Simulation({ seed: 21, latencyMs: [10, 10] })
    const [a, b] = pair(sim)
    sim.run(200)
    const before = b.received.length
    const batches: Batch[] = []
    for (let i = 0; i < 100; i++) {
      batches.push(a.write(`value ${i}`))
      sim.run(1)
    }
    sim.converge(100)
    sim.run(100)
    assert.equal(a.acked(b), 100)
    for (const batch of batches) assert.equal(b.copies(batch), 1)
    const sizes = b.received.slice(before).map(message => {
      assert.equal(message.type, 'run')
      return message.type === 'run' ? message.batches.length : 0
    })
    assert.deepEqual(sizes.slice(0, 2), [1, 1], 'the first goes at once, the second a moment later')
    assert.ok(sizes.length < 25, `${sizes.length} RUNs for 100 batches`)
    assert.ok(Math.max(...sizes) <= 30, `${Math.max(...sizes)} batches waited`)
  })

  it('wait for no ack longer than for HEADS, nor with much in hand', () => {
    const sim = new Simulation({ seed: 22, latencyMs: [200, 200] })
    const [a] = pair(sim)
    sim.run(1000)
    const runs = () => a.sent.flatMap(message => (message.type === 'run' ? message.batches.length : []))
    for (let i = 0; i < 12; i++) a.write(`small ${i}`)
    assert.deepEqual(runs(), [1])
    sim.run(60)
    assert.deepEqual(runs(), [1, 11])
    for (let i = 0; i < 200; i++) a.write(`more ${i}`)
    assert.deepEqual(runs(), [1, 11, 64, 64, 64])
    sim.converge(1000)
    assert.ok(!a.sent.some(message => message.type === 'heads'))
  })
})
