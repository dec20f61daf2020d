/** What every disk must do: run on memory and on LevelDB, and on any disk a test makes up. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isNatterError, toHex, utf8 } from '../../src/base/index.js'
import type { ByteRange, Disk } from '../../src/disk/index.js'

/** Runs the suite on fresh disks of `open`; `done` frees what one disk took. */
export function diskSuite(
  name: string,
  open: () => Promise<Disk>,
  done: (disk: Disk) => Promise<void>
): void {
  const test = (title: string, run: (disk: Disk) => Promise<void>): void => {
    it(title, async () => {
      const disk = await open()
      try {
        await run(disk)
      } finally {
        await disk.close()
        await done(disk)
      }
    })
  }

  describe(`disk: ${name}`, () => {
    test('an absent key reads as undefined, a written one as its bytes', async disk => {
      assert.equal(await disk.get(utf8('a')), undefined)
      await put(disk, { a: '1', b: '' })
      assert.deepEqual(await disk.get(utf8('a')), utf8('1'))
      assert.deepEqual(await disk.get(utf8('b')), new Uint8Array(0))
      assert.deepEqual(await disk.getMany([utf8('b'), utf8('x'), utf8('a')]), [
        utf8(''),
        undefined,
        utf8('1')
      ])
      assert.deepEqual(await disk.getMany([]), [])
    })

    test('many keys read at once are what each of them is, in any order and wherever they lie', async disk => {
      const name = (n: number): string => `k${String(n).padStart(4, '0')}`
      const there = Array.from({ length: 400 }, (_, n) => n).filter(n => n < 200 || n % 7 === 0)
      await put(disk, Object.fromEntries(there.map(n => [name(n), `v${n}`])))
      const range = (from: number, to: number): number[] =>
        Array.from({ length: to - from }, (_, n) => from + n)
      const cases = {
        dense: range(0, 200),
        fresh: range(400, 900),
        'dense, then fresh': range(150, 700),
        backwards: range(0, 500).reverse(),
        scattered: range(0, 300).map(n => (n * 389) % 900),
        twice: [...range(190, 260), ...range(190, 260)]
      }
      const snapshot = disk.snapshot()
      for (const [title, numbers] of Object.entries(cases)) {
        const expected = numbers.map(n => (there.includes(n) ? utf8(`v${n}`) : undefined))
        const keys = numbers.map(n => utf8(name(n)))
        assert.deepEqual(await disk.getMany(keys), expected, title)
        assert.deepEqual(await disk.getMany(keys, { snapshot }), expected, title)
      }
      await snapshot.close()
    })

    test('values are plain bytes, of which slice() is a copy', async disk => {
      await put(disk, { a: 'abc' })
      const value = await disk.get(utf8('a'))
      value!.slice()[0] = 0
      assert.deepEqual(value, utf8('abc'))
      const [entry] = await disk.iterate({}).next(1)
      assert.equal(entry![0].constructor, Uint8Array)
      assert.equal(entry![1].constructor, Uint8Array)
    })

    test('keys stand in the order of their unsigned bytes', async disk => {
      const keys = ['ff', '00', '7f', '80', '0000', '7f00', 'fe', 'ffff']
      const write = disk.write()
      for (const key of keys) write.put(Buffer.from(key, 'hex'), utf8(key))
      await disk.commit(write)
      assert.deepEqual(await hexKeys(disk, {}), ['00', '0000', '7f', '7f00', '80', 'fe', 'ff', 'ffff'])
      assert.deepEqual(await hexKeys(disk, { reverse: true, limit: 3 }), ['ffff', 'ff', 'fe'])
    })

    test('ranges take their bounds, limit and direction', async disk => {
      await put(disk, { a: '1', b: '2', c: '3', d: '4', e: '5' })
      const range = (bounds: ByteRange): Promise<string> => textKeys(disk, bounds)
      assert.equal(await range({ gt: utf8('b') }), 'cde')
      assert.equal(await range({ gte: utf8('b') }), 'bcde')
      assert.equal(await range({ lt: utf8('d') }), 'abc')
      assert.equal(await range({ lte: utf8('d') }), 'abcd')
      assert.equal(await range({ gte: utf8('b'), lt: utf8('d') }), 'bc')
      assert.equal(await range({ gt: utf8('b'), lte: utf8('d'), reverse: true }), 'dc')
      assert.equal(await range({ gte: utf8('bb'), limit: 2 }), 'cd')
      assert.equal(await range({ limit: 0 }), '')
      assert.equal(await range({ gt: utf8('d'), lt: utf8('b') }), '')
      assert.equal(await range({ gte: utf8('x') }), '')
    })

    test('an iterator seeks in both directions and stays at its end', async disk => {
      await put(disk, { a: '1', c: '3', e: '5', g: '7' })
      const up = disk.iterate({})
      up.seek(utf8('d'))
      assert.deepEqual(texts(await up.next(1)), ['e'])
      up.seek(utf8('a'))
      assert.deepEqual(texts(await up.next(2)), ['a', 'c'])
      up.seek(utf8('x'))
      assert.deepEqual(await up.next(5), [])
      assert.deepEqual(await up.next(5), [])
      await up.close()
      await up.close()
      const down = disk.iterate({ reverse: true })
      down.seek(utf8('d'))
      assert.deepEqual(texts(await down.next(9)), ['c', 'a'])
      await down.close()
      await assert.rejects(down.next(1), error => isNatterError(error, 'STORE_CLOSED'))
    })

    test('a walk shows the map as it was when the walk began', async disk => {
      await put(disk, { a: '1', b: '2' })
      const walk = disk.iterate({})
      const write = disk.write()
      write.del(utf8('a'))
      write.put(utf8('c'), utf8('3'))
      await disk.commit(write)
      assert.equal(await drain(walk), 'ab')
      assert.equal(await textKeys(disk, {}), 'bc')
    })

    test('a snapshot holds still for get, getMany and iterate', async disk => {
      await put(disk, { a: 'old', b: 'old' })
      const snapshot = disk.snapshot()
      const write = disk.write()
      write.put(utf8('a'), utf8('new'))
      write.del(utf8('b'))
      write.put(utf8('c'), utf8('new'))
      await disk.commit(write)
      assert.deepEqual(await disk.get(utf8('a'), { snapshot }), utf8('old'))
      assert.deepEqual(await disk.getMany([utf8('b'), utf8('c')], { snapshot }), [utf8('old'), undefined])
      assert.equal(await drain(disk.iterate({}, { snapshot })), 'ab')
      assert.deepEqual(await disk.get(utf8('a')), utf8('new'))
      await snapshot.close()
    })

    test('a commit is whole: no reader sees a part of it', async disk => {
      const keys = Array.from({ length: 200 }, (_, i) => `k${String(i).padStart(3, '0')}`)
      let stop = false
      const reader = (async () => {
        let looks = 0
        while (!stop || looks === 0) {
          const seen = await disk.getMany(keys.map(utf8))
          assert.equal(new Set(seen.map(value => (value === undefined ? 'none' : toHex(value)))).size, 1)
          looks++
        }
      })()
      for (let round = 0; round < 30; round++) {
        await put(disk, Object.fromEntries(keys.map(key => [key, String(round)])))
      }
      stop = true
      await reader
    })

    test('within a commit the later change of a key wins', async disk => {
      const write = disk.write()
      write.put(utf8('a'), utf8('1'))
      write.del(utf8('a'))
      write.put(utf8('b'), utf8('1'))
      write.put(utf8('b'), utf8('2'))
      write.del(utf8('never there'))
      assert.equal(write.length, 5)
      await disk.commit(write)
      assert.equal(await disk.get(utf8('a')), undefined)
      assert.deepEqual(await disk.get(utf8('b')), utf8('2'))
      await disk.commit(disk.write())
    })

    test('commits handed over together are made in that order', async disk => {
      const commits = Array.from({ length: 20 }, (_, i) => put(disk, { same: String(i) }))
      await Promise.all(commits)
      assert.deepEqual(await disk.get(utf8('same')), utf8('19'))
    })

    test('large values and many entries come back as they were', async disk => {
      const large = new Uint8Array(9 * 1024 * 1024).map((_, i) => (i * 31 + (i >> 9)) & 0xff)
      const write = disk.write()
      write.put(utf8('large'), large)
      for (let i = 0; i < 5000; i++) write.put(utf8(`n${String(i).padStart(5, '0')}`), utf8(String(i)))
      await disk.commit(write)
      assert.ok(Buffer.compare((await disk.get(utf8('large')))!, large) === 0)
      assert.equal((await hexKeys(disk, { gte: utf8('n') })).length, 5000)
    })

    test('after close everything says so', async disk => {
      const states: string[] = []
      disk.onState(state => states.push(state))
      await put(disk, { a: '1' })
      const walk = disk.iterate({})
      const closed = (error: unknown): boolean => isNatterError(error, 'STORE_CLOSED')
      const queued = assert.rejects(put(disk, { b: '2' }), closed)
      await disk.close()
      await disk.close()
      await queued
      await assert.rejects(put(disk, { c: '3' }), closed)
      await assert.rejects(disk.get(utf8('a')), closed)
      await assert.rejects(disk.getMany([utf8('a')]), closed)
      await assert.rejects(walk.next(1), closed)
      assert.throws(() => disk.iterate({}), closed)
      assert.throws(() => disk.snapshot(), closed)
      await walk.close()
      assert.equal(disk.state, 'closed')
      assert.deepEqual(states, ['closed'])
    })
  })
}

export async function put(disk: Disk, entries: Record<string, string>): Promise<void> {
  const write = disk.write()
  for (const [key, value] of Object.entries(entries)) write.put(utf8(key), utf8(value))
  await disk.commit(write)
}

async function hexKeys(disk: Disk, range: ByteRange): Promise<string[]> {
  const keys: string[] = []
  const walk = disk.iterate(range)
  for (let page = await walk.next(100); page.length > 0; page = await walk.next(100)) {
    for (const [key] of page) keys.push(toHex(key))
  }
  await walk.close()
  return keys
}

async function textKeys(disk: Disk, range: ByteRange): Promise<string> {
  return drain(disk.iterate(range))
}

async function drain(walk: ReturnType<Disk['iterate']>): Promise<string> {
  let keys = ''
  for (let page = await walk.next(2); page.length > 0; page = await walk.next(2)) keys += texts(page).join('')
  await walk.close()
  return keys
}

function texts(page: [Uint8Array, Uint8Array][]): string[] {
  return page.map(([key]) => Buffer.from(key).toString())
}
