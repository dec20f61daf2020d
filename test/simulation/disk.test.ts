/** When a simulated disk takes a record with a flipped bit for whole again: the checkers excuse what is damaged, and no more. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Life, Timeline } from './clock.js'
import { Dice } from './dice.js'
import { SimDisk } from './disk.js'
import type { SimLevel } from './level.js'
import { changeOf } from './table.js'

const key = Uint8Array.of(0x4b, 1)
const whole = Uint8Array.of(1, 2, 3)

interface Bench {
  readonly disk: SimDisk
  open(life: Life): Promise<SimLevel>
  write(level: SimLevel, value: Uint8Array, sync: boolean): Promise<void>
}

function bench(seed: number): Bench {
  const timeline = new Timeline()
  const habits = { writeMs: [0.1, 1], readMs: [0.1, 1], slowReads: 0 } as const
  const disk = new SimDisk({ timeline, dice: new Dice(seed), habits, tell: () => undefined })
  const passed = async (work: Promise<unknown>): Promise<void> => {
    await timeline.run(timeline.now + 100, () => undefined)
    await work
  }
  const open = async (life: Life): Promise<SimLevel> => {
    const level = disk.handle(life)
    await passed(level.open())
    return level
  }
  const write = (level: SimLevel, value: Uint8Array, sync: boolean): Promise<void> =>
    passed(level.write([changeOf(key, value)], sync))
  return { disk, open, write }
}

async function flippedDisk(seed: number): Promise<Bench & { level: SimLevel }> {
  const { disk, open, write } = bench(seed)
  const level = await open(new Life(1))
  await write(level, whole, true)
  disk.flip(
    () => true,
    () => undefined
  )
  assert.equal(disk.flipped.size, 1)
  return { disk, level, open, write }
}

test('bytes that were flipped stay damage when they are copied, and go with what is written anew', async () => {
  const { disk, level, write } = await flippedDisk(1)
  const now = (await level.get(key))!
  assert.notDeepEqual(now, whole)
  await write(level, now.slice(), true)
  assert.equal(disk.flipped.size, 1)
  await write(level, whole, true)
  assert.equal(disk.flipped.size, 0)
})

test('what was written anew and not synced is whole after a crash, and damaged again where a power cut took it', async () => {
  let lost = 0
  for (let seed = 1; seed <= 16; seed++) {
    const power = seed % 2 === 0
    const { disk, level, open, write } = await flippedDisk(seed)
    await write(level, whole, false)
    assert.equal(disk.flipped.size, 0)
    disk.crash(power)
    const found = await (await open(new Life(2))).get(key)
    const isWhole = found!.every((byte, i) => byte === whole[i])
    assert.equal(disk.flipped.size, isWhole ? 0 : 1, `seed ${seed}`)
    if (!power) assert.ok(isWhole, `seed ${seed}`)
    if (!isWhole) lost++
  }
  assert.ok(lost > 0)
})

test('what a process that is over writes later is found by nobody, also when the next one dies meanwhile', async () => {
  for (let seed = 1; seed <= 16; seed++) {
    const { disk, open } = bench(seed)
    const lives = [new Life(1), new Life(2), new Life(3)] as const
    const end = (life: Life): void => {
      life.alive = false
      disk.crash(false)
    }
    const level = await open(lives[0])
    end(lives[0])
    await open(lives[1])
    void level.write([changeOf(key, whole)], true)
    end(lives[1])
    assert.equal(await (await open(lives[2])).get(key), undefined, `seed ${seed}`)
  }
})
