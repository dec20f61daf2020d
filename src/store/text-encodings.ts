/**
 * The encodings `utf8` and `json` of abstract-level for a database of bytes, under the same names. Its own give each key
 * and value a buffer of its own, which was an eighth of what a bulk write cost; these cut them from shared pieces.
 */
import { utf8 } from '../base/index.js'

const decoder = new TextDecoder()

// What stands behind the plus says that the database itself knows no text: sublevels ask for that.

const utf8Encoding = {
  name: 'utf8+view',
  format: 'view' as const,
  encode: (data: unknown): Uint8Array => (data instanceof Uint8Array ? data : utf8(String(data))),
  decode: (data: Uint8Array): string => decoder.decode(data)
}

const jsonEncoding = {
  name: 'json+view',
  format: 'view' as const,
  encode: (data: unknown): Uint8Array => utf8(JSON.stringify(data) ?? ''),
  decode: (data: Uint8Array): unknown => JSON.parse(decoder.decode(data))
}

/** The encoding in place of the one that was named; utf8 where none was. Others are abstract-level's or the caller's. */
export function textEncoding<T>(given: T | undefined): T {
  const own = given === 'json' ? jsonEncoding : given === undefined || given === 'utf8' ? utf8Encoding : given
  return own as T
}
