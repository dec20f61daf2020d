/**
 * The bearer token: read from its file or made there at the first start, and compared in constant time.
 *
 * Comparing hashes keeps both sides one length, so that not even the length of the token can be measured.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { messageOf, NatterError } from '../base/index.js'

/** Bytes of randomness in a token: far beyond guessing, so that no rate limit is needed. */
const TOKEN_BYTES = 32

/** The token in `path`; makes the file with mode 0600 when there is none. `DIRECTORY_UNUSABLE` when that fails. */
export async function tokenFrom(path: string, warn: (line: string) => void): Promise<string> {
  try {
    const text = (await readFile(path, 'utf8')).trim()
    if (!/^[\x21-\x7e]{16,1024}$/.test(text)) {
      throw new NatterError('INVALID_ARGUMENT', `the token file ${path} holds no usable token`, {
        remedy: 'Delete it to have a new one made, or put 16 or more printable characters on one line there.'
      })
    }
    if (((await stat(path)).mode & 0o077) !== 0)
      warn(`the token file ${path} can be read by others; chmod 600 it`)
    return text
  } catch (error) {
    if (error instanceof NatterError) throw error
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unusable(path, error)
  }
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  const draft = `${path}.${randomBytes(4).toString('hex')}.tmp`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(`${token}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw unusable(path, error)
  }
  return token
}

/** Whether an `Authorization` header carries `token`. */
export function carriesToken(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? '')?.[1] ?? ''
  return timingSafeEqual(digest(given), digest(token))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function unusable(path: string, cause: unknown): NatterError {
  return new NatterError('DIRECTORY_UNUSABLE', `the token file ${path} cannot be used: ${messageOf(cause)}`, {
    cause
  })
}
