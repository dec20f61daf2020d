/**
 * `identity.key`: the 32-byte Ed25519 seed that a directory's node signs with. Made once, durable before its first use,
 * and never made again over a database: a new key would be another author.
 */
import { chmod, stat } from 'node:fs/promises'
import { newSeed, nodeSigner } from '../base/crypto-node.js'
import { equalBytes, fromHex, NatterError, toHex } from '../base/index.js'
import { fsyncPath, placeOf, readIfThere, replaceFile } from './files.js'

const seedBytes = 32

export interface Identity {
  readonly seed: Uint8Array
  /** Public half, 64 hex digits. */
  readonly author: string
  /** Which file this is: inode and birth, so that a copy can be told from the original. */
  readonly place: string
  /** What was put right, for a human. */
  readonly warning?: string
}

/**
 * Reads the key at `path`. A key that others may read is closed to them, with a warning. `IDENTITY_DAMAGED` when it is
 * missing, malformed, or not the one whose public half is `author`.
 */
export async function readIdentity(path: string, author: string | null): Promise<Identity> {
  const seed = await readIfThere(path)
  if (seed === undefined) throw damaged(`${path} is missing`)
  if (seed.length !== seedBytes) throw damaged(`${path} has ${seed.length} bytes instead of ${seedBytes}`)
  const publicKey = nodeSigner(seed).publicKey
  if (author !== null && !equalBytes(publicKey, fromHex(author))) {
    throw damaged(`${path} is not the key this directory was made with`)
  }
  const warning = await closeToOthers(path)
  return {
    seed: new Uint8Array(seed),
    author: toHex(publicKey),
    place: await placeOf(path),
    ...(warning !== undefined && { warning })
  }
}

/** Makes a new key at `path`, synced. */
export async function makeIdentity(path: string): Promise<void> {
  await replaceFile(path, newSeed())
}

/** Takes reading rights of group and others away; answers what it did, for a human. */
export async function closeToOthers(path: string): Promise<string | undefined> {
  const { mode } = await stat(path)
  // Windows has no such bits and shows 0666.
  if ((mode & 0o077) === 0 || process.platform === 'win32') return undefined
  try {
    await chmod(path, 0o600)
    await fsyncPath(path)
  } catch (cause) {
    throw damaged(
      `${path} can be read by other users (mode ${octal(mode)}) and cannot be closed to them`,
      cause
    )
  }
  return `${path} could be read by other users (mode ${octal(mode)}): its mode is now 0600`
}

function octal(mode: number): string {
  return `0${(mode & 0o777).toString(8)}`
}

function damaged(message: string, cause?: unknown): NatterError {
  return new NatterError('IDENTITY_DAMAGED', message, cause === undefined ? {} : { cause })
}
