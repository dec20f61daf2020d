/**
 * Sends the records of an import as atomic batches, in the order of the file: while one is on its way, the next is read.
 *
 * Keeps: a batch is sent only after the one before it was answered, so that what is imported is always the beginning of
 * the file; a record that the node refuses is named by its line.
 */
import { NatterError } from '../base/index.js'
import type { Client } from './client.js'
import { RemoteError } from './client.js'
import type { ImportRecord } from './records.js'

/** Records of one batch: past this many a larger batch is no faster, and what an interrupt leaves undone grows. */
const BATCH_RECORDS = 1000
/** Characters of one batch: well under the 8 MiB of a batch and of a request body. */
const BATCH_CHARACTERS = 2 * 1024 * 1024

export interface ImportTotals {
  records: number
  batches: number
  /** Of the last batch; null before it. */
  cursor: string | null
}

export class Importer {
  readonly totals: ImportTotals = { records: 0, batches: 0, cursor: null }
  readonly #client: Client
  readonly #onProgress: (offset: number) => void
  #batch: ImportRecord[] = []
  #characters = 0
  #onItsWay: Promise<void> = Promise.resolve()

  /** `onProgress` gets how many bytes of the input are imported. */
  constructor(client: Client, onProgress: (offset: number) => void) {
    this.#client = client
    this.#onProgress = onProgress
  }

  /** Resolves when there is room for the next one. */
  async add(record: ImportRecord): Promise<void> {
    if (this.#batch.length === BATCH_RECORDS || this.#characters + record.json.length > BATCH_CHARACTERS) {
      await this.#flush()
    }
    this.#batch.push(record)
    this.#characters += record.json.length
  }

  /** Resolves when everything that was added is imported. */
  async end(): Promise<void> {
    await this.#flush()
    await this.#onItsWay
  }

  /** Resolves when nothing is on its way any more, whatever became of it. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#onItsWay])
  }

  async #flush(): Promise<void> {
    await this.#onItsWay
    if (this.#batch.length === 0) return
    this.#onItsWay = this.#send(this.#batch)
    this.#onItsWay.catch(() => undefined) // told by the next `add` or `end`
    this.#batch = []
    this.#characters = 0
  }

  async #send(batch: readonly ImportRecord[]): Promise<void> {
    const rawBody = `{"ops":[${batch.map(record => record.json).join(',')}]}`
    try {
      const { body } = await this.#client.call<{ cursor: string }>('POST', '/batch', { rawBody })
      this.totals.cursor = body.cursor
    } catch (error) {
      throw error instanceof RemoteError ? named(error, batch) : error
    }
    this.totals.records += batch.length
    this.totals.batches++
    this.#onProgress(batch.at(-1)!.offset)
  }
}

/** Statuses that speak of the records, and not of the caller or of the node. */
const ABOUT_RECORDS: readonly number[] = [400, 413]

function named(error: RemoteError, batch: readonly ImportRecord[]): Error {
  if (!ABOUT_RECORDS.includes(error.status)) return error
  const line = lineOf(error, batch)
  const place =
    line === undefined ? `one of the lines ${batch[0]!.line} to ${batch.at(-1)!.line}` : `line ${line}`
  return new NatterError('INVALID_RECORD', `${place}: ${error.message}`, {
    cause: error,
    details: { line: line ?? batch[0]!.line, code: error.code }
  })
}

function lineOf(error: RemoteError, batch: readonly ImportRecord[]): number | undefined {
  const details = error.body['details']
  if (typeof details === 'object' && details !== null && 'index' in details) {
    return batch[Number(details.index)]?.line
  }
  if (batch.length === 1) return batch[0]!.line
  // Whichever value was looked at first, the longest one is over the limit too.
  if (error.code !== 'VALUE_TOO_LARGE') return undefined
  return batch.reduce((longest, record) => (record.json.length > longest.json.length ? record : longest)).line
}
