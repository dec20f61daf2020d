/**
 * The delivery outbox of a directory that no process has open: that of a node, which has a folder of its own there, or
 * one that a program made by `natter/delivery`. Never makes anything: a mistyped path is told.
 */
import { join } from 'node:path'
import { NatterError } from '../base/index.js'
import { systemClock } from '../base/system.js'
import { Outbox } from '../delivery/index.js'
import { directoryHolder } from '../disk/directory.js'
import { readManifest } from '../disk/manifest.js'
import { DeliveryDesk } from '../node/delivery/desk.js'
import { hasOutbox, outboxFolder } from '../node/delivery/folder.js'
import { shellQuote } from './shell.js'

export interface OfflineDelivery extends AsyncDisposable {
  readonly desk: DeliveryDesk
}

/** @throws NatterError `DIRECTORY_UNUSABLE`, `DIRECTORY_IN_USE`, `STORE_DAMAGED`, … */
export async function openDelivery(dataDir: string): Promise<OfflineDelivery> {
  return openOutbox(await outboxDirectory(dataDir))
}

/** Opens the outbox in a folder that holds one. */
export async function openOutbox(folder: string): Promise<OfflineDelivery> {
  const outbox = await Outbox.open({ dataDir: folder })
  return {
    desk: new DeliveryDesk({ outbox, clock: systemClock }),
    [Symbol.asyncDispose]: () => outbox.close()
  }
}

async function outboxDirectory(dataDir: string): Promise<string> {
  const manifest = await readManifest(join(dataDir, 'natter.json'))
  if (manifest === undefined) {
    throw new NatterError('DIRECTORY_UNUSABLE', `no node and no outbox has its data in ${dataDir}`, {
      remedy: 'Name the directory of a node, or that of an outbox that a program made.'
    })
  }
  const holder = await directoryHolder(dataDir)
  if (holder !== undefined) {
    const where = holder.http === undefined ? '' : ` (${holder.http})`
    throw new NatterError('DIRECTORY_IN_USE', `process ${holder.pid}${where} has ${dataDir} open`, {
      remedy:
        holder.http === undefined
          ? `Stop process ${holder.pid} first.`
          : `Ask the node that runs: natter delivery ls --api ${holder.http}`
    })
  }
  if (hasOutbox(dataDir)) return outboxFolder(dataDir)
  // What a node writes with is remembered in its manifest; an outbox of the library has no such database.
  if (manifest.database === null) return dataDir
  throw new NatterError('DIRECTORY_UNUSABLE', `the node in ${dataDir} has no delivery outbox`, {
    remedy: `It gets one when it is told where it may deliver to: natter up --data ${shellQuote(dataDir)} --deliver-to URL`
  })
}
