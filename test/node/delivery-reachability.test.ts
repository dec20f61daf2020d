/** Which servers can be reached: looked at before something is sent and while something waits, one beside the other. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { systemClock } from '../../src/base/system.js'
import { knock } from '../../src/node/delivery/knock.js'
import { Reachability } from '../../src/node/delivery/reachability.js'
import { HandClock } from '../store/harness.js'

const A = 'http://a.example'
const B = 'http://b.example'

/** Servers that a test switches on and off, with what was asked of them and what was told. */
function world(origins = [A]) {
  const clock = new HandClock()
  const up = new Set(origins)
  const knocks: string[] = []
  const told: [string, number | null][] = []
  const state = { waiting: true, silent: undefined as string | undefined }
  const reach = new Reachability({
    origins,
    clock: {
      now: () => clock.now(),
      schedule(delayMs, run) {
        const timer = setTimeout(run, delayMs) // unlike that of the machine it keeps the test alive
        return { cancel: () => clearTimeout(timer) }
      }
    },
    knock: origin => {
      knocks.push(origin)
      return origin === state.silent ? new Promise(() => undefined) : Promise.resolve(up.has(origin))
    },
    isWaiting: () => state.waiting,
    onChange: (origin, forMs) => told.push([origin, forMs])
  })
  return { clock, up, knocks, told, state, reach }
}

test('nobody is looked at while nothing waits, and a look is as good for ten seconds', async () => {
  const { reach, state, knocks, clock } = world()
  state.waiting = false
  assert.equal(await reach.check(A), false)
  assert.deepEqual(knocks, [])
  assert.equal(reach.isOnline(A), false, 'nothing is sent before it was looked')
  state.waiting = true
  assert.equal(await reach.check(A), true)
  assert.equal(reach.isOnline(A), true)
  clock.ms += 9_999
  await reach.check(A)
  assert.equal(knocks.length, 1)
  clock.ms += 1
  await reach.check(A)
  assert.equal(knocks.length, 2)
})

test('a server that is away is looked at every second, and has been away since the first look', async () => {
  const { reach, up, clock, told, knocks } = world()
  up.clear()
  const sinceMs = clock.ms
  assert.equal(await reach.check(A), false)
  assert.deepEqual(reach.offline(), [{ server: A, sinceMs }])
  clock.ms += 500
  await reach.check(A)
  assert.equal(knocks.length, 1)
  clock.ms += 500
  await reach.check(A)
  assert.equal(knocks.length, 2)
  assert.equal(reach.offlineSinceMs(A), sinceMs)
  clock.ms -= 3_600_000
  await reach.check(A)
  assert.equal(knocks.length, 3, 'a clock that went back does not stop the looks')
  clock.ms += 3_602_000
  up.add(A)
  assert.equal(await reach.check(A), true)
  assert.deepEqual([reach.isOnline(A), reach.offline()], [true, []])
  assert.deepEqual(told, [
    [A, null],
    [A, 3000]
  ])
})

test('a send that went well is as good as a look, one that failed a reason to look, once a second', async () => {
  const { reach, knocks, clock, up } = world()
  await reach.check(A)
  clock.ms += 9000
  reach.noteSend(A, true)
  clock.ms += 9000
  await reach.check(A)
  assert.equal(knocks.length, 1)
  reach.noteSend(A, false)
  assert.equal(reach.isOnline(A), false, 'nothing more is sent before it was looked at')
  await reach.check(A)
  assert.deepEqual([reach.isOnline(A), knocks.length], [true, 2])
  clock.ms += 999
  reach.noteSend(A, false)
  assert.deepEqual([reach.isOnline(A), knocks.length], [true, 2], 'it answers: its errors are its own')
  clock.ms += 1
  up.clear()
  reach.noteSend(A, false)
  assert.equal(await reach.check(A), false)
  assert.equal(knocks.length, 3)
  reach.noteSend(A, true)
  assert.equal(reach.isOnline(A), true)
  reach.noteSend('http://other.example', false)
})

test('a server that does not even refuse holds up nobody', async () => {
  const { reach, state } = world([A, B])
  state.silent = A
  const startedAtMs = performance.now()
  assert.equal(await reach.check(B), true)
  assert.ok(performance.now() - startedAtMs < 1000)
  assert.deepEqual([reach.isOnline(A), reach.isOnline(B)], [false, true])
})

test('what was seen is forgotten when nothing waits any more', async () => {
  const { reach, state, up } = world()
  up.clear()
  await reach.check(A)
  state.waiting = false
  await reach.check(A)
  assert.deepEqual(reach.offline(), [])
})

test('a knock makes a connection and sends nothing', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const came = once(server, 'connection')
  assert.equal(await knock(`http://127.0.0.1:${port}`, systemClock), true)
  const [socket] = (await came) as [import('node:net').Socket]
  let bytes = 0
  socket.on('data', data => {
    bytes += data.length
  })
  await once(socket, 'end')
  assert.equal(bytes, 0)
  socket.destroy()
  server.close()
  await once(server, 'close')
  assert.equal(await knock(`http://127.0.0.1:${port}`, systemClock), false)
  assert.equal(await knock('http://no.such.host.invalid', systemClock), false)
  assert.equal(await knock('http://[::1]:1', systemClock), false)
})
