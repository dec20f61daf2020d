/** Nodes that have too little of something; see pressure.ts. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, test } from 'node:test'
import { BIN, Fleet } from '../support/peer-process.js'
import { fewDescriptors, silentSockets, smallHeap } from './pressure.js'

let fleet = new Fleet()
afterEach(async () => {
  await fleet.end()
  fleet = new Fleet()
})

test('with 200 silent sockets and half handshakes a known peer connects within 3 s, and descriptors come back', async t => {
  await silentSockets(fleet, { sockets: 200, connectedWithinMs: 3000, tell: line => t.diagnostic(line) })
})

test('a node with 96 MiB of heap takes in 50,000 ops from a peer and stays alive', async t => {
  await smallHeap(fleet, { ops: 50_000, heapMib: 96, tell: line => t.diagnostic(line) })
})

test('a node without free descriptors goes on, and takes everybody in again without a restart', async t => {
  await fewDescriptors(fleet, line => t.diagnostic(line))
})

for (const descriptors of [26, 64]) {
  test(`a node that may open ${descriptors} files at its start says so or runs, and starts when it may open more`, async () => {
    const dir = await fleet.dir('few')
    const command = `ulimit -n ${descriptors}; exec "${process.execPath}" "${BIN}" up --no-mdns --http 0 --data "${dir}"`
    const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'] })
    let told = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      told += text
    })
    // How many files the loader opens at once is its own affair: with some version it may be enough.
    child.stdout.once('data', () => child.kill('SIGTERM'))
    const [code] = await once(child, 'close')
    if (code !== 0) {
      assert.equal(code, 1, told)
      assert.match(told, new RegExp(`^natter: this process may open ${descriptors} files, which is too few`))
      assert.match(told, /ulimit -n \d+/)
    }
    const node = await fleet.start('few')
    assert.equal((await node.put('k', 1)).status, 200)
  })
}
