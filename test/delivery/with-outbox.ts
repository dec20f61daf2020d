/** An outbox in a directory of its own, with a transport that records and no jitter, for tests of single steps. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DeliveryRecord, Operation, OutboxInit } from '../../src/delivery/index.js'
import { Outbox } from '../../src/delivery/index.js'

export const EXACT = { jitterRatio: 0 }

export interface Opened {
  readonly dataDir: string
  readonly outbox: Outbox
  /** Closes the outbox and opens it again. */
  reopen(init?: OutboxInit): Promise<Outbox>
}

export async function withOutbox(
  run: (opened: Opened) => Promise<void>,
  init: OutboxInit = {}
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'natter-delivery-'))
  const open = (more: OutboxInit = {}): Promise<Outbox> =>
    Outbox.open({ dataDir, owner: 'one', retry: EXACT, ...init, ...more })
  let outbox = await open()
  try {
    await run({
      dataDir,
      get outbox() {
        return outbox
      },
      async reopen(more) {
        await outbox.close()
        outbox = await open(more)
        return outbox
      }
    })
  } finally {
    await outbox.close()
    await rm(dataDir, { recursive: true })
  }
}

/** The operation, which must be there. */
export async function known(outbox: Outbox, id: string): Promise<Operation> {
  const op = await outbox.get(id)
  if (op === undefined) throw new Error(`there is no operation ${id}`)
  return op
}

export async function records(outbox: Outbox, from = 0): Promise<DeliveryRecord[]> {
  const all: DeliveryRecord[] = []
  await outbox.replay({ from }, record => {
    all.push(record)
  })
  return all
}

/** The types of the log, for one operation. */
export async function history(outbox: Outbox, id: string): Promise<string[]> {
  return (await records(outbox)).filter(record => record.id === id).map(record => record.type)
}
