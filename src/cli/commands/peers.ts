/** `peers`, `outbox`, `connect`, `forget` and `block`: who is there, and what they lack. */

import type { Lag, OutboxInfo, PeerInfo } from '../../base/index.js'
import { route } from '../client.js'
import type { Action, AddCommands } from '../command.js'
import { example, textFlag } from '../command.js'
import { formatDuration } from '../duration.js'
import type { Color, Output } from '../output.js'
import { shellQuote } from '../shell.js'
import { formatBytes, shortPeer, table } from '../table.js'
import { parseLimit } from './list.js'

const COLORS: Partial<Record<PeerInfo['state'], Color>> = {
  current: 'green',
  behind: 'yellow',
  blocked: 'red'
}

const peers: Action = async ({ client, out }) => {
  const { body } = await client.call<{ peers: PeerInfo[] }>('GET', '/peers')
  await out.result(body, whole => (whole.peers.length === 0 ? '' : describePeers(whole.peers, out)))
  if (body.peers.length === 0)
    out.note('no peers known: join with natter up --join, or natter connect MULTIADDR')
}

function describePeers(list: readonly PeerInfo[], out: Output): string {
  const text = table(
    [
      { title: 'PEER' },
      { title: 'NAME', flexible: true },
      { title: 'STATE' },
      { title: 'RTT', right: true },
      { title: 'THEY LACK', right: true },
      { title: 'WE LACK', right: true },
      { title: 'CONTACT', right: true }
    ],
    list.map(peer => [
      shortPeer(peer.peer),
      peer.name ?? '-',
      peer.state,
      peer.rttMs === null ? '-' : `${peer.rttMs.toFixed(1)}ms`,
      describeLag(peer.theyLack),
      describeLag(peer.weLack),
      peer.lastContactAt === null
        ? 'never'
        : `${formatDuration(Math.max(0, Date.now() - Date.parse(peer.lastContactAt)))} ago`
    ])
  )
  const reasons = list.flatMap(peer =>
    peer.reason === undefined ? [] : [`${shortPeer(peer.peer)}: ${peer.reason}`]
  )
  const colored = text.replace(/ (current|behind|blocked)(?= )/g, (whole, state: PeerInfo['state']) =>
    out.paint(COLORS[state] ?? 'dim', whole)
  )
  return [colored, ...reasons].join('\n')
}

function describeLag(lag: Lag | 'unknown'): string {
  if (lag === 'unknown') return '?'
  return lag.ops === 0 ? '0' : `${lag.ops} ops`
}

interface OpBody {
  op_id: string
  kind: string
  key: string
  at: string
}

const outbox: Action = async ({ client, out }, options, peer) => {
  if (peer !== undefined) {
    const limit = textFlag(options, 'limit')
    const { body } = await client.call<{ ops: OpBody[]; more: boolean }>('GET', route`/outbox/${peer}`, {
      query: { limit: limit === undefined ? undefined : parseLimit(limit) }
    })
    await out.result(body, ({ ops }) =>
      ops.map(op => `${op.at}  ${op.kind}  ${op.key}\n    ${op.op_id}`).join('\n')
    )
    if (body.ops.length === 0) out.note('it has acknowledged everything')
    if (body.more) out.note('(and more; --limit shows more)')
    return
  }
  const { body } = await client.call<{ peers: OutboxInfo[] }>('GET', '/outbox')
  await out.result(body, whole => (whole.peers.length === 0 ? '' : describeOutboxes(whole.peers)))
  if (body.peers.length === 0) out.note('no peers known')
}

function describeOutboxes(list: readonly OutboxInfo[]): string {
  return table(
    [
      { title: 'PEER', flexible: true },
      { title: 'NAME', flexible: true },
      { title: 'OPS', right: true },
      { title: 'BYTES', right: true },
      { title: 'OLDEST', right: true },
      { title: 'NEXT TRY', right: true },
      { title: 'LAST ERROR', flexible: true }
    ],
    list.map(({ peer, name, ops, bytes, oldestMs, lastError, nextTryAt }) => [
      shortPeer(peer),
      name ?? '-',
      String(ops),
      formatBytes(bytes),
      ops === 0 ? '-' : formatDuration(oldestMs),
      nextTryAt === null ? '-' : `in ${formatDuration(Math.max(0, Date.parse(nextTryAt) - Date.now()))}`,
      lastError ?? '-'
    ])
  )
}

const connect: Action = async ({ client, out }, _options, addr = '') => {
  const { body } = await client.call<{ peer: string }>('POST', '/peers', { body: { addr } })
  await out.result(body, ({ peer }) => peer)
}

const forget: Action = async ({ client, out }, _options, peer = '') => {
  const { body } = await client.call<object>('DELETE', route`/peers/${peer}`)
  await out.result(body, () => '')
  out.note('forgotten: receipts no longer wait for it')
}

const block: Action = async ({ client, out }, _options, peer = '') => {
  const { body } = await client.call<object>('POST', route`/peers/${peer}/block`)
  await out.result(body, () => '')
  out.note(`blocked: it may not connect. Undo it with: natter forget ${shellQuote(peer)}`)
}

const PEER = 'a peer id, a unique prefix of one, or the name of one known peer'

export const addPeers: AddCommands = (program, run) => {
  program
    .command('peers')
    .description('known peers: state, round-trip time, what either side lacks')
    .addHelpText('after', example('natter peers'))
    .action(run(peers))
  program
    .command('outbox')
    .description('what peers have not acknowledged; with PEER the ops themselves')
    .argument('[peer]', PEER)
    .option('--limit <n>', 'with PEER: so many ops at most')
    .addHelpText('after', example('natter outbox node-2'))
    .action(run(outbox))
  program
    .command('connect')
    .description('dial an address now and keep it')
    .argument('<multiaddr>')
    .addHelpText('after', example('natter connect /ip4/192.168.1.7/tcp/4001'))
    .action(run(connect))
  program
    .command('forget')
    .description('drop what is kept of a peer, a block too; it counts again when it comes back')
    .argument('<peer>', PEER)
    .addHelpText('after', example('natter forget node-2'))
    .action(run(forget))
  program
    .command('block')
    .description('refuse a peer from now on')
    .argument('<peer>', PEER)
    .addHelpText('after', example('natter block node-2'))
    .action(run(block))
}
