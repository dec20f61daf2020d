/** Where the delivery outbox of a node has its data: a folder of its own in the directory of the node. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export function outboxFolder(dataDir: string): string {
  return join(dataDir, 'delivery')
}

/** Whether the node of a directory has, or had, an outbox. */
export function hasOutbox(dataDir: string): boolean {
  return existsSync(join(outboxFolder(dataDir), 'natter.json'))
}
