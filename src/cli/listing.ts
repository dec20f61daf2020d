/** Answers that come in pages: asked for one after the other and printed as they come, so that none must fit in memory. */
import type { Client, Query } from './client.js'
import type { Output } from './output.js'

/** Items asked for at a time. */
const PAGE = 1000

export interface Listing {
  path: string
  /** The noun under which the items stand. */
  noun: string
  query?: Query
  /** The parameter that takes `next` of the page before. */
  after: string
  /** @default no limit */
  limit?: number | undefined
}

export async function* pages<T>(client: Client, listing: Listing): AsyncGenerator<T[]> {
  let next: string | null | undefined
  for (let left = listing.limit ?? Number.POSITIVE_INFINITY; left > 0; ) {
    const { body } = await client.call<Record<string, unknown>>('GET', listing.path, {
      query: {
        ...listing.query,
        limit: Math.min(left, PAGE),
        ...(typeof next === 'string' ? { [listing.after]: next } : {})
      }
    })
    const items = body[listing.noun] as T[]
    if (items.length > 0) yield items
    left -= items.length
    next = body['next'] as string | null | undefined
    if (typeof next !== 'string') return
  }
}

/** Prints all pages, with `--json` as one document; answers how many items there were. */
export async function printPages<T>(
  out: Output,
  client: Client,
  listing: Listing,
  human: (item: T) => string
): Promise<number> {
  let count = 0
  for await (const items of pages<T>(client, listing)) {
    if (out.json) {
      const opening = count === 0 ? `{"ok":true,"${listing.noun}":[` : ','
      await out.bytes(opening + items.map(item => JSON.stringify(item)).join(','))
    } else await out.line(items.map(human).join('\n'))
    count += items.length
  }
  if (out.json)
    await out.line(count === 0 ? `{"ok":true,"${listing.noun}":[],"next":null}` : '],"next":null}')
  return count
}
