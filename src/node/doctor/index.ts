/**
 * The doctor: looks at everything that can go wrong with a node and says what it sees, with what to do about it.
 *
 * One table of checks in groups of one file each. A check that cannot be made, for the node does not run or has left its
 * network, is left out and said so; one that fails itself is a finding. Every look is bounded, so that a report takes
 * less than a second on a log of any length. It changes nothing.
 */
import type {
  Clock,
  DoctorCheck,
  DoctorReport,
  DoctorStatus,
  Limits,
  Signal,
  VerifyReport
} from '../../base/index.js'
import { isNatterError, messageOf } from '../../base/index.js'
import type { DataDirectory } from '../../disk/directory.js'
import { peerIdOf } from '../../log/index.js'
import type { Store } from '../../store/index.js'
import type { DeliveryDesk } from '../delivery/desk.js'
import type { SettingsBook } from '../ground.js'
import { throwIfAborted } from '../wait.js'
import type { Check, Need, Patient, RunningParts } from './check.js'
import { clockChecks } from './clocks.js'
import { deliveryChecks } from './delivery.js'
import { exchangeChecks } from './exchange.js'
import { heldChecks } from './held.js'
import { integrityChecks } from './integrity.js'
import { LagMemory } from './lag-memory.js'
import { logChecks } from './log.js'
import { networkChecks } from './network.js'
import { Notes } from './notes.js'
import { peerChecks } from './peers.js'
import { storageChecks } from './storage.js'
import { versionChecks } from './version.js'

export type { RunningParts, ServedAt } from './check.js'

export const CHECKS: readonly Check[] = [
  ...versionChecks,
  ...storageChecks,
  ...integrityChecks,
  ...clockChecks,
  ...logChecks,
  ...networkChecks,
  ...peerChecks,
  ...exchangeChecks,
  ...heldChecks,
  ...deliveryChecks
]

export interface DoctorParts {
  readonly store: Store
  readonly clock: Clock
  readonly limits: Limits
  readonly network: string
  readonly settings: SettingsBook
  readonly directory: DataDirectory | undefined
  /** Absent for a directory whose node does not run. */
  readonly node?: RunningParts
  /** Absent where no delivery outbox is hosted; a promise is of one that is being opened, or cannot be. */
  readonly delivery?: DeliveryDesk | Promise<DeliveryDesk> | undefined
  /** @default that of this process */
  readonly nodeVersion?: string
}

export class Doctor {
  readonly #parts: DoctorParts
  readonly #notes: Notes
  readonly #lags = new LagMemory()

  constructor(parts: DoctorParts) {
    this.#parts = parts
    this.#notes = new Notes(parts.store, parts.clock)
  }

  readonly noteRefusal: Notes['noteRefusal'] = (...refusal) => this.#notes.noteRefusal(...refusal)

  noteVerified(report: VerifyReport): void {
    this.#notes.noteVerified(report)
  }

  /** Rejects with `ABORTED`, never for what it finds. */
  async examine({ signal }: Signal = {}): Promise<DoctorReport> {
    const { clock, store, network, settings, node, directory, delivery } = this.#parts
    const startedAtMs = clock.now()
    const patient: Patient = {
      ...this.#parts,
      settings: settings.get(),
      notes: this.#notes,
      lags: this.#lags,
      nodeVersion: this.#parts.nodeVersion ?? process.versions.node,
      node
    }
    const checks: DoctorCheck[] = []
    const leftOut: DoctorReport['leftOut'] = []
    for (const check of CHECKS) {
      throwIfAborted(signal)
      if (check.needs === 'delivery' && delivery === undefined) continue
      const reason = hindrance(check.needs, { node, directory })
      const found = reason === undefined ? await look(check, patient) : reason
      if (typeof found === 'string') leftOut.push({ name: check.name, reason: found })
      else checks.push(found)
    }
    return {
      status: worst(checks),
      at: new Date(startedAtMs).toISOString(),
      peerId: peerIdOf(store.author),
      network,
      running: node !== undefined,
      checks,
      leftOut,
      durationMs: Math.max(0, clock.now() - startedAtMs)
    }
  }

  close(): void {
    this.#notes.close()
  }
}

function hindrance(need: Need, { node, directory }: Pick<Patient, 'node' | 'directory'>): string | undefined {
  if (need === 'directory' && directory === undefined) return 'the node has no directory'
  if (need !== 'node' && need !== 'network') return undefined
  if (node === undefined) return 'the node does not run'
  if (need === 'network' && node.membership() === undefined) return 'the node takes no part in its network'
  return undefined
}

/** The check, or why it cannot be made at the moment. */
async function look(check: Check, patient: Patient): Promise<DoctorCheck | string> {
  try {
    const { status, evidence, remedy, details } = await check.look(patient)
    return {
      name: check.name,
      status,
      evidence,
      ...(remedy !== undefined && { remedy }),
      ...(details !== undefined && { details })
    }
  } catch (error) {
    if (isNatterError(error, 'NOT_READY') || isNatterError(error, 'STORE_CLOSED')) return error.message
    const remedy = isNatterError(error) ? error.remedy : undefined
    return {
      name: check.name,
      status: 'fail',
      evidence: `the check could not be made: ${messageOf(error)}`,
      remedy: remedy ?? 'Read everything: natter verify'
    }
  }
}

export function worst(checks: readonly { readonly status: DoctorStatus }[]): DoctorStatus {
  if (checks.some(({ status }) => status === 'fail')) return 'fail'
  return checks.some(({ status }) => status === 'warn') ? 'warn' : 'ok'
}
