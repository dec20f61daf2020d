/** A log that a test writes by hand: right, wrong, or nearly right. */
import { nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import type { Signer } from '../../src/base/index.js'
import { systemRandom } from '../../src/base/system.js'
import type { Author, Batch, BatchHeader, BatchId, DatabaseId, Dep, Epoch, Op } from '../../src/log/index.js'
import { authorOf, encodeBody, makeBatch, NO_BATCH, signedMessage } from '../../src/log/index.js'
import { put } from '../log/fixtures.js'

export interface Next
  extends Partial<Pick<BatchHeader, 'epoch' | 'seq' | 'previous' | 'deps' | 'time' | 'opCount'>> {
  readonly ops?: readonly Op[]
  readonly body?: Uint8Array
  /** @default true */
  readonly sign?: boolean
}

export class HandAuthor {
  readonly signer: Signer
  readonly author: Author
  readonly database: DatabaseId
  epoch = '6900000000000001' as Epoch
  seq = 0
  previous: BatchId = NO_BATCH

  constructor(database: DatabaseId, signer: Signer = nodeSigner(systemRandom.bytes(32))) {
    this.database = database
    this.signer = signer
    this.author = authorOf(signer.publicKey)
  }

  /** The next batch of the log, unless it is told to be another. */
  next(init: Next = {}): Batch {
    const ops = init.ops ?? [put(`by ${this.author.slice(0, 6)} ${this.seq + 1}`, '"x"')]
    const seq = init.seq ?? this.seq + 1
    const batch = makeBatch(
      {
        database: this.database,
        author: this.author,
        epoch: init.epoch ?? this.epoch,
        seq,
        previous: init.previous ?? this.previous,
        opCount: init.opCount ?? ops.length,
        time: init.time ?? { ms: Date.now(), counter: seq % 1000 },
        deps: init.deps ?? [],
        extensions: []
      },
      init.body ?? encodeBody(ops),
      nodeCrypto
    )
    this.seq = seq
    this.previous = batch.id
    return init.sign === false ? batch : { ...batch, signature: this.signature(batch) }
  }

  signature(batch: Batch): Uint8Array {
    return Uint8Array.from(this.signer.sign(signedMessage(batch.headerBytes)) as Uint8Array)
  }
}

export function depOn({ header, id }: Batch): Dep {
  return { author: header.author, epoch: header.epoch, seq: header.seq, id }
}
