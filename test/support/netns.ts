/**
 * Network namespaces for tests: two hosts joined by a cable, or one host of its own. Nothing of the machine's real
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
