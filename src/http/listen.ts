/**
 * Where the server listens: resolving the host, trying the kept port first, and saying plainly why a port is not to be had.
 *
 * Only an address of this machine's loopback is open without a token; a name counts as what it resolves to.
 */
import { lookup } from 'node:dns/promises'
import { readFile, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { messageOf, NatterError } from '../base/index.js'

/** The address behind a host name; `INVALID_ARGUMENT` when it has none. */
export async function addressOf(host: string): Promise<string> {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
  if (isIP(bare) !== 0) return bare
  if (bare === 'localhost') return '127.0.0.1'
  try {
    return (await lookup(bare)).address
  } catch (cause) {
    throw new NatterError('INVALID_ARGUMENT', `no address is known for the host ${bare}`, { cause })
  }
}

export function isLoopback(address: string): boolean {
  if (isIP(address) === 4) return address.startsWith('127.')
  return address === '::1' || /^::ffff:127\.\d+\.\d+\.\d+$/i.test(address)
}

/** An origin by which this machine reaches a server bound to `address`. */
export function urlOf(address: string, port: number): string {
  if (address === '0.0.0.0') return `http://127.0.0.1:${port}`
  if (address === '::') return `http://[::1]:${port}`
  return isIP(address) === 6 ? `http://[${address}]:${port}` : `http://${address}:${port}`
}

/**
 * Binds by `listen` and returns the port. With port 0 and `keptIn`, the port that was chosen is kept in that file and
 * tried first the next time; where somebody else has it by then, another one is chosen.
 */
export async function bind(
  listen: (port: number) => Promise<number>,
  address: string,
  port: number,
  keptIn: string | undefined
): Promise<number> {
  const kept = port === 0 && keptIn !== undefined ? await keptPort(keptIn) : undefined
  if (kept !== undefined) {
    try {
      return await listen(kept)
    } catch (error) {
      if (!['EADDRINUSE', 'EACCES'].includes(codeOf(error))) throw listenError(error, address, kept)
    }
  }
  let bound: number
  try {
    bound = await listen(port)
  } catch (error) {
    throw listenError(error, address, port)
  }
  if (port === 0 && keptIn !== undefined) {
    try {
      await writeFile(keptIn, `${bound}\n`)
    } catch (cause) {
      throw new NatterError(
        'DIRECTORY_UNUSABLE',
        `the port cannot be kept in ${keptIn}: ${messageOf(cause)}`,
        {
          cause
        }
      )
    }
  }
  return bound
}

async function keptPort(path: string): Promise<number | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '') // unreadable: choose one, and say so when it is kept
  const port = /^[0-9]{1,5}\s*$/.test(text) ? Number(text) : 0
  return port > 0 && port < 65_536 ? port : undefined
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code)
}

function listenError(error: unknown, address: string, port: number): NatterError {
  const cause = { cause: error }
  const where = urlOf(address, port).slice('http://'.length)
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return new NatterError('PORT_IN_USE', `the HTTP port is in use: ${where}`, cause)
    case 'EADDRNOTAVAIL':
      return new NatterError('INVALID_ARGUMENT', `this machine has no address ${address}`, cause)
    case 'EACCES':
      return new NatterError('INVALID_ARGUMENT', `this user may not listen on ${where}`, {
        ...cause,
        remedy: 'Choose a port above 1023.'
      })
    default:
      return new NatterError('INTERNAL', `cannot listen on ${where}: ${messageOf(error)}`, cause)
  }
}
