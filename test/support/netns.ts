/**
 * Network namespaces for tests: two hosts joined by a cable, several around a router, or one host of its own. Nothing of the machine's real
 * network is touched. Where the machine forbids namespaces (no root, no `ip`), the answer is `undefined`, and a test says
 * so in one line instead of passing silently.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)
let made = 0

export interface Host {
  /** For `ip netns exec`. */
  readonly name: string
  end(): Promise<void>
}

export interface HostPair {
  readonly names: readonly [string, string]
  /** IPv4 addresses on the cable between them. */
  readonly addresses: readonly [string, string]
  /** Pulls the cable, or puts it back. */
  cable(up: boolean): Promise<void>
  end(): Promise<void>
}

export interface Star {
  readonly names: readonly string[]
  /** IPv4 address of each host. */
  readonly addresses: readonly string[]
  /**
   * From now on the router drops without a word what `from` sends to `to`; the other direction goes on. Nobody gets a FIN,
   * a RST or an error: the link is half open until somebody notices.
   */
  cut(from: number, to: number): Promise<void>
  /** The router forwards again. */
  mend(from: number, to: number): Promise<void>
  end(): Promise<void>
}

async function ip(...args: string[]): Promise<void> {
  await run('ip', args)
}

/** A host with nothing but loopback, on which multicast works. */
export async function loneHost(): Promise<Host | undefined> {
  const name = `natter-${process.pid}-${made++}`
  try {
    await ip('netns', 'add', name)
  } catch {
    return undefined
  }
  const end = () => ip('netns', 'del', name)
  try {
    await ip('-n', name, 'link', 'set', 'lo', 'up')
    await ip('-n', name, 'link', 'set', 'lo', 'multicast', 'on')
    await ip('-n', name, 'route', 'add', '224.0.0.0/4', 'dev', 'lo')
  } catch {
    await end()
    return undefined
  }
  return { name, end }
}

/** Two hosts, 10.99.0.1 and 10.99.0.2, with a cable between them over which multicast works. */
export async function hostPair(): Promise<HostPair | undefined> {
  const left = await loneHost()
  const right = await loneHost()
  const end = async (): Promise<void> => {
    await left?.end()
    await right?.end()
  }
  if (left === undefined || right === undefined) {
    await end()
    return undefined
  }
  const hosts = [left.name, right.name] as const
  const addresses = ['10.99.0.1', '10.99.0.2'] as const
  try {
    // Made inside the first namespace, so that it never shows on the machine itself.
    await ip(
      '-n',
      left.name,
      'link',
      'add',
      'cable',
      'type',
      'veth',
      'peer',
      'name',
      'cable',
      'netns',
      right.name
    )
    for (const [at, host] of hosts.entries()) {
      await ip('-n', host, 'addr', 'add', `${addresses[at]}/24`, 'dev', 'cable')
      await ip('-n', host, 'link', 'set', 'cable', 'up')
      await ip('-n', host, 'route', 'replace', '224.0.0.0/4', 'dev', 'cable')
    }
  } catch {
    await end()
    return undefined
  }
  const cable = (up: boolean): Promise<void> =>
    ip('-n', left.name, 'link', 'set', 'cable', up ? 'up' : 'down')
  return { names: hosts, addresses, cable, end }
}

/** Hosts 10.99.1.2, 10.99.2.2, …, each on a cable of its own to a router that forwards between them. */
export async function star(count: number): Promise<Star | undefined> {
  const all: (Host | undefined)[] = []
  const end = async (): Promise<void> => {
    for (const host of all) await host?.end()
  }
  for (let i = 0; i <= count; i++) all.push(await loneHost())
  const [router, ...hosts] = all.filter(host => host !== undefined)
  if (router === undefined || hosts.length < count) {
    await end()
    return undefined
  }
  const names = hosts.map(({ name }) => name)
  const addresses = names.map((_, at) => `10.99.${at + 1}.2`)
  try {
    await run('ip', ['netns', 'exec', router.name, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward'])
    for (const [at, host] of names.entries()) await plug(router.name, host, at + 1)
    // A router that cannot drop is no use: some kernels have no rules.
    await ip('-n', router.name, 'rule', 'add', 'from', '10.99.250.1', 'to', '10.99.250.2', 'blackhole')
  } catch {
    await end()
    return undefined
  }
  const rule = (verb: 'add' | 'del', from: number, to: number): Promise<void> =>
    ip('-n', router.name, 'rule', verb, 'from', addresses[from]!, 'to', addresses[to]!, 'blackhole')
  return {
    names,
    addresses,
    cut: (from, to) => rule('add', from, to),
    mend: (from, to) => rule('del', from, to),
    end
  }
}

/** A cable from the router to a host, made inside the router's namespace. */
async function plug(router: string, host: string, net: number): Promise<void> {
  const port = `port${net}`
  const there = ['peer', 'name', 'cable', 'netns', host]
  await ip('-n', router, 'link', 'add', port, 'type', 'veth', ...there)
  await ip('-n', router, 'addr', 'add', `10.99.${net}.1/24`, 'dev', port)
  await ip('-n', router, 'link', 'set', port, 'up')
  await ip('-n', host, 'addr', 'add', `10.99.${net}.2/24`, 'dev', 'cable')
  await ip('-n', host, 'link', 'set', 'cable', 'up')
  await ip('-n', host, 'route', 'add', 'default', 'via', `10.99.${net}.1`)
}
