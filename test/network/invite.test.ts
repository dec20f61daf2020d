/** Joining over a network between two hosts: namespaces that this test makes, joined by a veth pair. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { HostPair } from '../support/netns.js'
import { hostPair } from '../support/netns.js'
import { Fleet, natter } from '../support/peer-process.js'
import { until } from '../support/until.js'

describe('an invite between two hosts', () => {
  const fleet = new Fleet()
  let hosts: HostPair | undefined
  before(async () => {
    hosts = await hostPair()
  })
  after(async () => {
    await fleet.end()
    await hosts?.end()
  })

  test('makes one network; a node without it gets nowhere, learns nothing, and both sides say why', async t => {
    if (hosts === undefined) {
      t.diagnostic('this machine allows no network namespaces: nothing was tested here')
      return
    }
    const [left, right] = hosts.names
    const a = await fleet.start('a', ['--name', 'a'], left)
    const api = { api: a.http, netns: left }
    const invite = await natter(['invite', '--json'], api)
    assert.equal(invite.code, 0, invite.stderr)
    const { invite: line, addrs } = JSON.parse(invite.stdout) as { invite: string; addrs: string[] }
    assert.match(line, /^natter1:/)
    const reachable = addrs.find(addr => addr.includes(hosts!.addresses[0]))
    assert.ok(reachable, `an address beyond loopback among ${addrs.join(' ')}`)
    const put = await natter(['put', 'greeting', 'hello'], api)
    assert.equal(put.code, 0, put.stderr)

    const b = await fleet.start('b', ['--name', 'b', '--join', line], right)
    const inB = { api: b.http, netns: right }
    await until('the value arrives', 15_000, async () =>
      (await natter(['get', 'greeting'], inB)).stdout.includes('hello')
    )

    const stranger = await fleet.start('s', ['--name', 's', '--bootstrap', reachable, '--open'], right)
    const inS = { api: stranger.http, netns: right }
    const told = await until('the stranger says why', 15_000, async () => {
      const { stdout } = await natter(['peers', '--json'], inS)
      const [peer] = JSON.parse(stdout).peers
      return peer?.reason
    })
    assert.match(told, /private|key|allow/i)
    const status = JSON.parse((await natter(['status', '--json'], inS)).stdout)
    assert.equal(status.keys, 0)
    assert.equal((await natter(['get', 'greeting'], inS)).code, 4)
    await until('the inviter says why', 15_000, () => /"event":"refused".*key/.test(a.stderr))

    assert.equal((await natter(['invite', '--rotate'], api)).code, 0)
    const reason = async (at: typeof api) => {
      const [peer] = JSON.parse((await natter(['peers', '--json'], at)).stdout).peers
      return peer?.reason as string | undefined
    }
    for (const at of [api, inB]) {
      await until('both say that the key is another now', 15_000, async () =>
        /pre-shared key/.test((await reason(at)) ?? '')
      )
      const [outbox] = JSON.parse((await natter(['outbox', '--json'], at)).stdout).peers
      assert.match(outbox.lastError, /pre-shared key/)
    }
  })
})
