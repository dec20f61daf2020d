/**
 * What each member of a cluster is started with. Ports are chosen once and kept with the shared key in the directory of
 * the cluster, so that every member can be started by hand with the same flags.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { AddressInfo, Server } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { messageOf, NatterError } from '../base/index.js'
import { PSK_BYTES, swarmKeyText } from '../net/psk.js'

export interface MemberPlan {
  name: string
  /** Arguments of the natter command. */
  args: string[]
}

/** One plan a member; makes or extends what is kept in `dataDir`. Throws `DIRECTORY_UNUSABLE`. */
export async function prepareCluster(dataDir: string, size: number, basePort: number): Promise<MemberPlan[]> {
  if (basePort + size - 1 > 65_535) {
    throw new NatterError('INVALID_ARGUMENT', `${size} ports from ${basePort} on go beyond 65535`)
  }
  try {
    mkdirSync(dataDir, { recursive: true })
    const keyFile = join(dataDir, 'cluster.key')
    if (!existsSync(keyFile)) writeFileSync(keyFile, swarmKeyText(randomBytes(PSK_BYTES)), { mode: 0o600 })
    const ports = await keepPorts(join(dataDir, 'cluster.json'), size)
    return ports.map((_, i) => planOf(i, ports, dataDir, keyFile, basePort))
  } catch (cause) {
    if (cause instanceof NatterError) throw cause
    throw new NatterError(
      'DIRECTORY_UNUSABLE',
      `the directory ${dataDir} cannot be used: ${messageOf(cause)}`,
      { cause }
    )
  }
}

function planOf(
  index: number,
  ports: readonly number[],
  dataDir: string,
  keyFile: string,
  basePort: number
): MemberPlan {
  const name = `node-${index + 1}`
  const addrs = ports.map(port => `/ip4/127.0.0.1/tcp/${port}`)
  const others = addrs.filter((_, i) => i !== index)
  return {
    name,
    args: [
      'up',
      ...['--data', join(dataDir, String(index + 1)), '--name', name, '--http', String(basePort + index)],
      ...['--psk', keyFile, '--no-mdns', '--listen', addrs[index]!],
      ...others.flatMap(addr => ['--bootstrap', addr])
    ]
  }
}

/** `size` ports: those kept in `path` as long as nobody else took them, and free ones for the rest. */
async function keepPorts(path: string, size: number): Promise<number[]> {
  const kept = readPorts(path)
  const servers: Server[] = []
  const ports: number[] = []
  try {
    // All are held open until all are chosen: none is handed out twice.
    for (let i = 0; i < size; i++) {
      const server = (await listen(kept[i])) ?? (await listen(0))!
      servers.push(server)
      ports.push((server.address() as AddressInfo).port)
    }
  } finally {
    await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
  }
  writeFileSync(path, `${JSON.stringify({ ports: [...ports, ...kept.slice(size)] }, null, 2)}\n`)
  return ports
}

function readPorts(path: string): number[] {
  if (!existsSync(path)) return []
  const content: unknown = JSON.parse(readFileSync(path, 'utf8'))
  if (typeof content === 'object' && content !== null && 'ports' in content && Array.isArray(content.ports)) {
    const { ports } = content
    if (ports.every(port => Number.isInteger(port) && port > 0 && port < 65_536)) return ports as number[]
  }
  throw new Error(`${path} does not hold the ports of a cluster`)
}

/** A server on that port of loopback, or undefined when it is taken. */
function listen(port: number | undefined): Promise<Server | undefined> {
  return new Promise(resolve => {
    if (port === undefined) return resolve(undefined)
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}
