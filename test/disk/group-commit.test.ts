/** Group commit: what gathers while a run is in flight, its bounds, its order, its failures. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { GroupCommit } from '../../src/disk/index.js'

/** A group commit whose runs end when the test says so. */
function controlled(limit?: number) {
  const runs: { items: number[]; end: () => void; fail: (error: Error) => void }[] = []
  const failed: [number, string][] = []
  const group = new GroupCommit<number>({
    run: items =>
      new Promise((resolve, reject) => {
        runs.push({ items: [...items], end: resolve, fail: reject })
      }),
    failed: (item, error) => failed.push([item, (error as Error).message]),
    size: item => item,
    ...(limit !== undefined && { limit })
  })
  return { group, runs, failed }
}

const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('group commit', () => {
  it('runs what one turn brings at once, and gathers the others for the next run', async () => {
    const { group, runs } = controlled()
    group.push(0)
    group.push(1)
    await Promise.resolve()
    assert.deepEqual(
      runs.map(run => run.items),
      [[0, 1]]
    )
    group.push(2)
    group.push(3)
    assert.equal(group.waiting, 2)
    runs[0]!.end()
    await settled()
    assert.deepEqual(
      runs.map(run => run.items),
      [
        [0, 1],
        [2, 3]
      ]
    )
    runs[1]!.end()
    await group.idle()
    group.push(4)
    await Promise.resolve()
    assert.deepEqual(runs[2]!.items, [4])
    runs[2]!.end()
    await group.idle()
  })

  it('bounds a run by the sum of sizes, and lets one large item go alone', async () => {
    const { group, runs } = controlled(10)
    group.push(1)
    await settled()
    for (const item of [4, 6, 1, 50, 2]) group.push(item)
    for (let i = 0; i < 4; i++) {
      runs[i]!.end()
      await settled()
    }
    assert.deepEqual(
      runs.map(run => run.items),
      [[1], [4, 6], [1], [50], [2]]
    )
    runs[4]!.end()
    await group.idle()
  })

  it('tells each item of a failed run and goes on', async () => {
    const { group, runs, failed } = controlled()
    group.push(1)
    await settled()
    group.push(2)
    group.push(3)
    runs[0]!.end()
    await settled()
    runs[1]!.fail(new Error('no'))
    group.push(4)
    await settled()
    assert.deepEqual(failed, [
      [2, 'no'],
      [3, 'no']
    ])
    assert.deepEqual(runs[2]!.items, [4])
    runs[2]!.end()
    await group.idle()
  })

  it('gives back what no run has taken', async () => {
    const { group, runs } = controlled()
    group.push(1)
    await settled()
    for (const item of [2, 3, 4]) group.push(item)
    assert.equal(group.remove(1), false)
    assert.equal(group.remove(3), true)
    assert.deepEqual(group.clear(), [2, 4])
    runs[0]!.end()
    await group.idle()
    assert.equal(runs.length, 1)
  })
})
