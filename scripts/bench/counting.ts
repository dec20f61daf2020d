/** Counts what a node does: batches by what it says in its log, signature checks at the crypto port. */
import type { ComponentLogger, Logger } from '@libp2p/interface'
import { nodeCrypto } from '../../src/base/crypto-node.js'

export interface Counts {
  /** Batches that came by streams and by gossip, copies included. */
  copies: number
  /** Checks of signatures of batches. */
  checks: number
}

/** What every signed message of a batch begins with; records that nodes tell each other when they meet begin otherwise. */
const BATCH_DOMAIN = Buffer.from('natter/batch/')

export class Counting {
  #countsChecks = false
  #counts: Counts = { copies: 0, checks: 0 }
  readonly logger: ComponentLogger = { forComponent: name => this.#loggerOf(name) }

  /** From now on, for as long as the process lives. */
  countChecks(): void {
    if (this.#countsChecks) return
    this.#countsChecks = true
    const { verify } = nodeCrypto
    nodeCrypto.verify = (publicKey, message, signature) => {
      if (BATCH_DOMAIN.equals(message.subarray(0, BATCH_DOMAIN.length))) this.#counts.checks++
      return verify(publicKey, message, signature)
    }
  }

  /** Since the last call. */
  take(): Counts {
    const counts = this.#counts
    this.#counts = { copies: 0, checks: 0 }
    return counts
  }

  #loggerOf(name: string): Logger {
    const log = (format: unknown, ...args: unknown[]) => {
      const line = String(format).replace(/%[a-z]/g, () => String(args.shift()))
      const run = name === 'natter:sync' ? /← RUN (\d+) batches/.exec(line) : null
      if (run !== null) this.#counts.copies += Number(run[1])
      else if (name === 'natter:gossip' && line.includes('← batch')) this.#counts.copies++
    }
    const quiet = () => undefined
    return Object.assign(log, {
      error: quiet,
      trace: quiet,
      enabled: name === 'natter:sync' || name === 'natter:gossip',
      newScope: (scope: string) => this.#loggerOf(`${name}:${scope}`)
    })
  }
}
