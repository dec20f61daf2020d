/** Pages of a listing: so many items, or fewer when their values are large, and where the next page begins. */
import { HTTP } from '../base/index.js'

export interface Page<T> {
  readonly items: T[]
  /** Whether the source had more. */
  readonly more: boolean
}

/** Up to `limit` items, ended early after `HTTP.pageBytes`; reads one item further to know whether there are more. */
export async function pageOf<T>(source: AsyncIterable<T>, limit: number): Promise<Page<T>> {
  const items: T[] = []
  let bytes = 0
  for await (const item of source) {
    if (items.length === limit || bytes > HTTP.pageBytes) return { items, more: true }
    items.push(item)
    bytes += JSON.stringify(item).length
  }
  return { items, more: false }
}
