/**
 * `natter.json`, the manifest of a data directory: what must be there, kept outside the database so that a database
 * that lost something can be told from one that never had it. It names the file that it stands in, so that one which was
 * put back can be told from the one that was written last. Layout: protocols/storage.md, "Directory".
 */
import { NatterError } from '../base/index.js'
import { placeOf, readIfThere, replaceFile } from './files.js'
import { summedText, withoutSum } from './summed-json.js'

/** The format of directories that this code writes, and the newest that it reads. */
export const directoryFormat = 1

/** A position that the database had made durable, and the check over all before it. */
export interface Sentinel {
  readonly position: number
  /** As the store's mark has it. */
  readonly check: string
}

export interface Manifest {
  readonly format: number
  /** 'making' until the first database stands, whole and synced; no write is acknowledged before 'made'. */
  readonly state: 'making' | 'made'
  /** Public half of identity.key, 64 hex digits. */
  readonly author: string | null
  /** The store's incarnation, 16 hex digits; the database holds it as well. */
  readonly storeId: string
  /** Which file identity.key is: a copied or restored directory has another. */
  readonly place: string | null
  /** Which file the manifest itself is, as `place`: one that was put back has another. Null where that cannot be told. */
  readonly self: string | null
  /** The id of the database, 64 hex digits; null until a store was opened. */
  readonly database: string | null
  readonly sentinel: Sentinel | null
}

/** The manifest at `path`, or undefined when there is none. */
export async function readManifest(path: string): Promise<Manifest | undefined> {
  const bytes = await readIfThere(path)
  if (bytes === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw damaged(path, 'it is not JSON', cause)
  }
  if (typeof value !== 'object' || value === null) throw damaged(path, 'it is not an object')
  const format = (value as Record<string, unknown>)['format']
  if (typeof format !== 'number' || !Number.isInteger(format) || format < 1)
    throw damaged(path, 'it has no format')
  if (format > directoryFormat) {
    throw new NatterError(
      'FORMAT_UNKNOWN',
      `${path} has format ${format}; this natter knows formats up to ${directoryFormat}`
    )
  }
  const fields = withoutSum(value)
  if (fields === undefined) throw damaged(path, 'its checksum does not fit')
  const { state, author, storeId, place, self, database, sentinel } = fields
  if (state !== 'making' && state !== 'made') throw damaged(path, 'state')
  if (author !== null && !isHex(author, 64)) throw damaged(path, 'author')
  if (!isHex(storeId, 16)) throw damaged(path, 'storeId')
  if (place !== null && typeof place !== 'string') throw damaged(path, 'place')
  if (database !== null && !isHex(database, 64)) throw damaged(path, 'database')
  if (sentinel !== null && !isSentinel(sentinel)) throw damaged(path, 'sentinel')
  if (self !== undefined && self !== null && typeof self !== 'string') throw damaged(path, 'self')
  return { format, state, author, storeId, place, self: self ?? null, database, sentinel }
}

/** Whether the manifest at `path` is the file that was written there last; true where that cannot be told. */
export async function isOriginal(path: string, { self }: Manifest): Promise<boolean> {
  return self === null || self === (await placeOf(path))
}

/** Writes a manifest that names the file it then stands in, whatever `self` was. */
export async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  let self: string | null = null
  const content = (): string => summedText({ ...manifest, self })
  await replaceFile(path, place => {
    self = place
    return content()
  })
  if ((await placeOf(path)) === self) return
  // A file system without births of files, where renaming makes another: nothing can be told there.
  self = null
  await replaceFile(path, content())
}

function isHex(value: unknown, digits: number): value is string {
  return typeof value === 'string' && value.length === digits && /^[0-9a-f]*$/.test(value)
}

function isSentinel(value: unknown): value is Sentinel {
  if (typeof value !== 'object' || value === null) return false
  const { position, check } = value as Record<string, unknown>
  return Number.isSafeInteger(position) && (position as number) >= 0 && typeof check === 'string'
}

function damaged(path: string, what: string, cause?: unknown): NatterError {
  return new NatterError('STORE_DAMAGED', `${path} is damaged: ${what}`, {
    remedy: 'Restore natter.json, or the whole directory, from a backup.',
    ...(cause !== undefined && { cause })
  })
}
