/** What tests of several peers keep asking: are they connected, do they agree. */
import assert from 'node:assert/strict'
import type { PeerProcess } from './peer-process.js'
import { until } from './until.js'

/** Resolves when the peer has `count` connections. */
export async function connectedTo(peer: PeerProcess, count: number): Promise<void> {
  const { status, body } = await peer.request('POST', '/wait', { connected: count, timeout: '20s' })
  assert.equal(status, 200, JSON.stringify(body))
}

/** Resolves when all peers show the same frontier, state and counts. */
export async function equalDigests(peers: readonly PeerProcess[], withinMs = 20_000): Promise<void> {
  await until('equal digests', withinMs, async () => {
    const digests = (await Promise.all(peers.map(peer => peer.digests()))).map(digest =>
      JSON.stringify(digest)
    )
    return digests.every(digest => digest === digests[0])
  })
}
