/**
 * Nodes that have too little of something: places for connections, because silent sockets hold them; heap; descriptors.
 * Campaigns with parameters for `npm test` and `npm run test:long`.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import { connectedTo, equalDigests } from '../support/cluster.js'
import type { Fleet } from '../support/peer-process.js'
import { PeerProcess } from '../support/peer-process.js'
import { descriptors, measurable } from '../support/process-stats.js'
import { until } from '../support/until.js'

const run = promisify(execFile)
/** What a dialler of libp2p says first; the handshake that would follow never comes. */
const HALF_A_HANDSHAKE = Buffer.from('\x13/multistream/1.0.0\n\x07/noise\n', 'latin1')
/** Bound of a handshake (5 s), and what a busy machine takes to clear up. */
const DESCRIPTORS_BACK_WITHIN_MS = 20_000
/** What may differ between two looks: connections being made, a table that LevelDB opened. */
const DESCRIPTOR_NOISE = 10

export interface SilentInit {
  readonly sockets: number
  readonly connectedWithinMs: number
  readonly tell: (line: string) => void
}

/** Sockets that say nothing, and ones that stop in the middle of a handshake, are open while a known peer comes back. */
export async function silentSockets(fleet: Fleet, init: SilentInit): Promise<void> {
  const node = await fleet.start('node')
  const peer = await fleet.start('peer', ['--bootstrap', node.addr])
  await connectedTo(node, 1)
  assert.equal(await peer.stop(), 0)
  const { pid } = node.ready
  const before = measurable ? await descriptors(pid) : 0
  const port = Number(/\/tcp\/(\d+)/.exec(node.addr)![1])
  const sockets = await Promise.all(Array.from({ length: init.sockets }, (_, n) => silent(port, n % 2 === 1)))
  try {
    const back = await fleet.restart(peer)
    const startedAt = performance.now()
    await until('the known peer is connected', init.connectedWithinMs, async () => {
      const { body } = await back.get('/peers')
      return body.peers.some(({ state }: { state: string }) => state === 'current')
    })
    const connectedMs = Math.round(performance.now() - startedAt)
    init.tell(`${init.sockets} silent sockets: a known peer connected in ${connectedMs} ms`)
    if (measurable) {
      await until('the descriptors come back', DESCRIPTORS_BACK_WITHIN_MS, async () => {
        return (await descriptors(pid)) <= before + DESCRIPTOR_NOISE
      })
    } else init.tell('this machine shows no descriptors of processes: that was not tested here')
  } finally {
    for (const socket of sockets) socket.destroy()
  }
}

/** Resolves with a socket that is connected, or was refused. */
function silent(port: number, half: boolean): Promise<Socket> {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      if (half) socket.write(HALF_A_HANDSHAKE)
      resolve(socket)
    })
    socket.on('error', () => resolve(socket))
  })
}

/** A node whose heap is small takes in a log that is larger, and stays alive. */
export async function smallHeap(
  fleet: Fleet,
  init: { ops: number; heapMib: number; tell: (line: string) => void }
): Promise<void> {
  const writer = await fleet.start('writer')
  const perBatch = 2500
  for (let n = 0; n < init.ops; n += perBatch) {
    const ops = Array.from({ length: Math.min(perBatch, init.ops - n) }, (_, i) => ({
      type: 'put',
      key: `key-${n + i}`,
      value: `${'a value of about two hundred bytes '.repeat(6)}${n + i}`
    }))
    assert.equal((await writer.request('POST', '/batch', { ops })).status, 200)
  }
  const startedAt = performance.now()
  const small = await PeerProcess.start({
    dataDir: await fleet.dir('small'),
    args: ['--bootstrap', writer.addr],
    env: { NODE_OPTIONS: `--max-old-space-size=${init.heapMib}` }
  })
  fleet.adopt(small)
  await equalDigests([writer, small], 60_000 + init.ops)
  assert.equal((await small.digests()).keys, init.ops)
  init.tell(
    `${init.ops} ops with ${init.heapMib} MiB of heap in ${Math.round(performance.now() - startedAt)} ms`
  )
}

/** Sets how many descriptors a running process may have; false where the machine has no tool for it. */
async function limitDescriptors(pid: number, most: number): Promise<boolean> {
  try {
    await run('prlimit', [`--pid=${pid}`, `--nofile=${most}:`])
    return true
  } catch {
    return false
  }
}

/**
 * A node that may open no more descriptors goes on with what it has: no connection comes in, LevelDB opens no file and
 * the store is fenced. When it may again it takes everything and everybody in, in the same process.
 */
export async function fewDescriptors(fleet: Fleet, tell: (line: string) => void): Promise<void> {
  const node = await fleet.start('node')
  const peer = await fleet.start('peer', ['--bootstrap', node.addr])
  await connectedTo(node, 1)
  const { pid } = node.ready
  // No number above those of standard input, output and error is given out any more.
  if (!(await limitDescriptors(pid, 3))) {
    tell('this machine does not let a test limit descriptors: nothing was tested here')
    return
  }
  const late = await fleet.start('late', ['--bootstrap', node.addr])
  assert.equal((await late.put('while it is full', 1)).status, 200)
  // More than LevelDB takes without a new file.
  for (let n = 0; n < 80; n++) {
    const { status } = await peer.put(`from the peer ${n}`, randomBytes(180_000).toString('base64url'))
    assert.equal(status, 200)
  }
  const wait = await late.request('POST', '/wait', { connected: 1, timeout: '2s' })
  assert.equal(wait.status, 202, 'a node without descriptors took a connection')
  await limitDescriptors(pid, 1024)
  const startedAt = performance.now()
  await equalDigests([node, peer, late], 60_000)
  tell(
    `${/"fenced"/.test(node.stderr) ? 'fenced meanwhile' : 'never fenced'}; ` +
      `equal ${Math.round(performance.now() - startedAt)} ms after descriptors were free again`
  )
  assert.equal(await node.value('while it is full'), 1)
  assert.equal((await node.put('afterwards', 3, '?ack=2&wait=20s')).status, 200)
  assert.equal((await node.request('POST', '/verify', {})).body.ok, true)
}
