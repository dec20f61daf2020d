/** Real input: 138,398 cities imported on one of three nodes; a node that joins empty, and one that missed the second half. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { afterEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { connectedTo, equalDigests } from '../support/cluster.js'
import type { PeerProcess } from '../support/peer-process.js'
import { Fleet, natter } from '../support/peer-process.js'

const CITIES = 138_398
const SCRIPT = fileURLToPath(new URL('../../scripts/cities.js', import.meta.url))

let fleet = new Fleet()
afterEach(async () => {
  await fleet.end()
  fleet = new Fleet()
})

/** Bytes of `/sync/ops` frames that a peer has received from all others since it started. */
async function bytesReceived(peer: PeerProcess): Promise<number> {
  const { body } = await peer.get('/peers')
  return body.peers.reduce((sum: number, other: { bytesReceived: number }) => sum + other.bytesReceived, 0)
}

test('cities imported on one node are equal on all, on a node that joins, and cost a returning node its half', async () => {
  const file = await fleet.dir('cities.ndjson')
  const a = await fleet.start('a')
  await promisify(execFile)(process.execPath, [SCRIPT, file])
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
  assert.equal(lines.length, CITIES)
  const half = Math.floor(lines.length / 2)
  const halves = [await fleet.dir('first.ndjson'), await fleet.dir('second.ndjson')] as const
  await writeFile(halves[0], `${lines.slice(0, half).join('\n')}\n`)
  await writeFile(halves[1], `${lines.slice(half).join('\n')}\n`)

  const b = await fleet.start('b', ['--bootstrap', a.addr])
  const c = await fleet.start('c', ['--bootstrap', a.addr])
  const absent = await fleet.start('e', ['--bootstrap', a.addr])
  for (const peer of [a, b, c, absent]) await connectedTo(peer, 3)
  const first = await natter(['import', halves[0]], { api: a.http })
  assert.equal(first.code, 0, first.stderr)
  await equalDigests([a, b, c, absent], 60_000)
  const wholeFirst = await bytesReceived(absent)
  assert.equal(await absent.stop(), 0)
  const second = await natter(['import', halves[1]], { api: a.http })
  assert.equal(second.code, 0, second.stderr)
  await equalDigests([a, b, c], 60_000)
  assert.equal((await a.digests()).keys, CITIES)

  const joined = await fleet.start('d', ['--bootstrap', b.addr])
  await equalDigests([a, b, c, joined], 120_000)

  const back = await fleet.restart(absent)
  await equalDigests([a, back], 120_000)
  const forSecond = await bytesReceived(back)
  assert.ok(
    forSecond < 1.5 * wholeFirst,
    `${forSecond} bytes for the second half, ${wholeFirst} for the first`
  )
  const both = lines.join('\n').length
  assert.ok(forSecond < 0.8 * both, `${forSecond} bytes for the second half of ${both}`)
})
