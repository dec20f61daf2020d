/** The node in its network: whether it takes part, who may join, where it can be reached, who may call its HTTP. */
import { stat } from 'node:fs/promises'
import { isLoopback } from '../options.js'
import type { Check, Patient } from './check.js'
import { counted, fail, ok, onNetwork, warn, withCases } from './check.js'

export const networkChecks: readonly Check[] = [
  {
    name: 'network',
    needs: 'node',
    look({ network, settings, node }) {
      const { paused, membership, join } = node!
      const here = membership()
      const addrs = here?.net.addrs() ?? []
      const hasKey = settings.psk !== undefined
      const beyond = !addrs.every(isLoopback)
      const details = {
        network,
        paused: paused(),
        joined: here !== undefined,
        key: hasKey,
        allow: join.allow?.length ?? null,
        open: join.open === true
      }
      if (here === undefined) {
        return paused()
          ? warn(`the node has left the network ${network}`, 'Rejoin it: natter resume', details)
          : fail(`the node takes no part in the network ${network}`, 'Start the node again.', details)
      }
      const who = hasKey
        ? 'who has its key may join'
        : join.allow !== undefined
          ? `${counted(join.allow.length, 'peer id')} may join`
          : join.open === true
            ? 'anybody may join'
            : 'whoever reaches loopback may join'
      const evidence = `takes part in the network ${network}; ${who}`
      if (beyond && !hasKey && join.allow === undefined) {
        return warn(
          `${evidence}, and read and write everything`,
          'Unless that is meant: give the network a key (natter invite), or name who may join (--allow PEER).',
          details
        )
      }
      return ok(evidence, details)
    }
  },
  { name: 'addresses', needs: 'network', look: lookAtAddresses },
  {
    name: 'http',
    needs: 'node',
    async look({ node }) {
      const served = node!.served()
      const open: string[] = []
      const shown: { url: string; beyondLoopback: boolean; token: boolean }[] = []
      for (const { url, host, hasToken, tokenFile } of served) {
        const beyondLoopback = !isLoopback(`/${host.includes(':') ? 'ip6' : 'ip4'}/${host}`)
        shown.push({ url, beyondLoopback, token: hasToken })
        if (tokenFile !== undefined && (await isOpenToOthers(tokenFile))) open.push(tokenFile)
      }
      const details = { served: shown, openTokenFiles: open }
      if (served.length === 0) return ok('no HTTP is served', details)
      const naked = shown.filter(({ beyondLoopback, token }) => beyondLoopback && !token)
      const evidence = withCases(
        'HTTP is served',
        shown.map(({ url, beyondLoopback, token }) => {
          const reach = beyondLoopback ? 'other machines reach it, without TLS' : 'this machine only'
          return `${url}: ${reach}, ${token ? 'with a token' : 'without a token'}`
        })
      )
      if (naked.length > 0)
        return fail(evidence, 'Give it a token file (--token-file F), or serve on loopback.', details)
      if (open.length > 0) {
        return warn(
          `${evidence}\nother users can read ${open.join(', ')}`,
          `Close it to them, and have a new token made: rm ${open[0]}; then start the node again.`,
          details
        )
      }
      return ok(evidence, details)
    }
  }
]

async function isOpenToOthers(path: string): Promise<boolean> {
  if (process.platform === 'win32') return false
  try {
    return ((await stat(path)).mode & 0o077) !== 0
  } catch {
    return false // it was read at the start; who took it away since read nothing by that
  }
}

function lookAtAddresses(patient: Patient) {
  const { settings } = patient
  const { here, node } = onNetwork(patient)
  const addrs = here.net.addrs()
  const connected = here.net.connected()
  const presences = node.book.presences()
  const elsewhere = [
    ...(settings.bootstrap ?? []),
    ...node.book
      .shown()
      .flatMap(peer => [...(presences.get(peer)?.addrs ?? []), ...(node.book.record(peer)?.addrs ?? [])])
  ].filter(addr => !isLoopback(addr))
  const joined = settings.psk !== undefined || settings.bootstrap !== undefined || elsewhere.length > 0
  const details = { addrs, loopbackOnly: addrs.every(isLoopback), connected: connected.length }
  if (addrs.length === 0) {
    return connected.length > 0
      ? ok('listens nowhere: it only dials others', details)
      : warn(
          'listens nowhere, and is connected to nobody',
          'Give it an address: --listen /ip4/0.0.0.0/tcp/0',
          details
        )
  }
  if (!addrs.every(isLoopback)) {
    const others = addrs.filter(addr => !isLoopback(addr))
    return ok(
      withCases(`listens on ${counted(others.length, 'address', 'addresses')} beyond loopback`, others),
      details
    )
  }
  // A network of one machine is joined over loopback as well.
  const alone = connected.length === 0 && settings.psk !== undefined && node.book.shown().length === 0
  if (joined && (elsewhere.length > 0 || alone)) {
    return warn(
      withCases('listens on loopback only: other machines of the network cannot reach it', addrs),
      'Listen beyond loopback: leave out --listen, or natter up --listen /ip4/0.0.0.0/tcp/0',
      details
    )
  }
  return ok(withCases('listens on loopback: nodes of this machine reach it', addrs), details)
}
