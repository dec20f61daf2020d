/** How a checker says that its property is broken, and the texts that checkers share. */
import { toHex } from '../../../src/base/index.js'
import type { Batch } from '../../../src/log/index.js'
import { PropertyBroken } from '../world.js'

export function broken(property: string, message: string): never {
  throw new PropertyBroken(property, message)
}

export function batchText({ header, id }: Batch): string {
  return `batch ${id.slice(0, 12)} (${header.author.slice(0, 6)}.${header.epoch.slice(8)}.${header.seq})`
}

/** A key as people read it. */
export function keyText(key: Uint8Array | string): string {
  const bytes = typeof key === 'string' ? Buffer.from(key, 'hex') : key
  const text = new TextDecoder().decode(bytes)
  return /^[\w/.-]+$/.test(text) ? text : toHex(bytes)
}
