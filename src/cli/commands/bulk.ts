/**
 * `import` and `export`: many records at once, as NDJSON lines `{"key","value"}`.
 *
 * An import is a row of atomic batches in the order of the file: what was imported before an error or an interrupt stays,
 * and importing the file again ends the same.
 */
import { createReadStream, statSync } from 'node:fs'
import { messageOf, NatterError } from '../../base/index.js'
import { RemoteError } from '../client.js'
import type { Action, AddCommands } from '../command.js'
import { example, textFlag } from '../command.js'
import type { Context } from '../context.js'
import { Progress } from '../progress.js'
import type { ImportRecord } from '../records.js'
import { readRecords } from '../records.js'
import { formatBytes } from '../table.js'
import { interruptible } from '../values.js'
import { pages } from './list.js'

/** Records of one batch: past this many a larger batch is no faster, and what an interrupt leaves undone grows. */
const BATCH_RECORDS = 1000
/** Characters of one batch: well under the 8 MiB of a batch and of a request body. */
const BATCH_CHARACTERS = 2 * 1024 * 1024

interface Totals {
  records: number
  batches: number
  cursor: string | null
}

const importRecords: Action = async (context, options, file = '') => {
  const { stream, bytes } = openInput(file)
  const progress = new Progress(context.out.progress, bytes)
  const totals: Totals = { records: 0, batches: 0, cursor: null }
  const startedAtMs = performance.now()
  let batch: ImportRecord[] = []
  let characters = 0
  const send = async () => {
    if (batch.length === 0) return
    totals.cursor = await sendBatch(context, batch)
    totals.records += batch.length
    totals.batches++
    progress.update(batch.at(-1)!.offset, `${totals.records} records`)
    batch = []
    characters = 0
  }
  try {
    for await (const record of readRecords(interruptible(stream, context.signal), textFlag(options, 'key'))) {
      if (batch.length === BATCH_RECORDS || characters + record.json.length > BATCH_CHARACTERS) await send()
      batch.push(record)
      characters += record.json.length
    }
    await send()
  } catch (error) {
    progress.clear()
    context.out.note(`${totals.records} records before that are imported`)
    throw error instanceof Error && 'syscall' in error ? unreadable(file, error) : error
  }
  progress.clear()
  const seconds = (performance.now() - startedAtMs) / 1000
  await context.out.result({ ok: true, ...totals }, ({ records, batches }) => {
    const rate = seconds > 0 ? Math.round(records / seconds) : records
    return `imported ${records} records in ${batches} batches (${seconds.toFixed(1)} s, ${rate} a second)`
  })
}

function openInput(file: string): { stream: NodeJS.ReadStream; bytes: number | undefined } {
  if (file === '-') return { stream: process.stdin, bytes: undefined }
  try {
    const stat = statSync(file)
    if (stat.isDirectory()) throw new Error('it is a directory')
    // A read stream of a file has what an import needs of stdin: chunks, and an end that can be forced.
    return { stream: createReadStream(file) as unknown as NodeJS.ReadStream, bytes: stat.size }
  } catch (error) {
    throw unreadable(file, error)
  }
}

function unreadable(file: string, cause: unknown): NatterError {
  return new NatterError('INVALID_ARGUMENT', `the file ${file} cannot be read: ${messageOf(cause)}`, {
    cause
  })
}

/** Answers the cursor. A record that the node refuses is named by its line. */
async function sendBatch({ client }: Context, batch: readonly ImportRecord[]): Promise<string> {
  try {
    const rawBody = `{"ops":[${batch.map(record => record.json).join(',')}]}`
    return (await client.call<{ cursor: string }>('POST', '/batch', { rawBody })).body.cursor
  } catch (error) {
    if (
      !(error instanceof RemoteError) ||
      error.status >= 500 ||
      error.status === 401 ||
      error.status === 403
    )
      throw error
    throw new NatterError('INVALID_RECORD', `${placeOf(error, batch)}: ${error.message}`, {
      cause: error,
      details: { line: lineOf(error, batch) ?? batch[0]!.line, code: error.code }
    })
  }
}

function lineOf(error: RemoteError, batch: readonly ImportRecord[]): number | undefined {
  const details = error.body['details']
  if (typeof details !== 'object' || details === null || !('index' in details)) return undefined
  return batch[Number(details.index)]?.line
}

function placeOf(error: RemoteError, batch: readonly ImportRecord[]): string {
  const line = lineOf(error, batch)
  return line === undefined ? `one of the lines ${batch[0]!.line} to ${batch.at(-1)!.line}` : `line ${line}`
}

const exportRecords: Action = async (context, options, prefix) => {
  const dataDir = textFlag(options, 'data')
  let count = 0
  let bytes = 0
  const progress = new Progress(context.out.progress && process.stdout.isTTY !== true, undefined)
  for await (const items of dataDir === undefined
    ? runningItems(context, prefix)
    : offlineItems(dataDir, prefix)) {
    const text = items.map(item => `${JSON.stringify(item)}\n`).join('')
    await context.out.bytes(text)
    count += items.length
    bytes += text.length
    progress.update(count, `${count} records, ${formatBytes(bytes)}`)
  }
  progress.clear()
  context.out.note(`exported ${count} records`)
}

interface ExportItem {
  key: string
  value: unknown
  value_base64?: string
}

function exportItem(key: string, value: unknown, base64: string | undefined): ExportItem {
  return base64 === undefined ? { key, value } : { key, value, value_base64: base64 }
}

async function* runningItems({ client }: Context, prefix: string | undefined): AsyncGenerator<ExportItem[]> {
  for await (const page of pages(client, { prefix })) {
    yield page.map(item => exportItem(item.key, item.value, item.value_base64))
  }
}

async function* offlineItems(dataDir: string, prefix = ''): AsyncGenerator<ExportItem[]> {
  const { openOffline } = await import('../offline.js') // the libraries of a node: not for commands that only call one
  await using offline = await openOffline(dataDir)
  for await (const page of offline.cells(prefix)) {
    yield page.map(cell => exportItem(cell.key, cell.value, cell.valueBase64))
  }
}

export const addBulk: AddCommands = (program, run) => {
  program
    .command('import')
    .description('write NDJSON lines {"key","value"} from FILE, or from stdin for -, in atomic batches')
    .argument('<file>')
    .option('--key <field>', 'lines are whole objects, stored under what this field holds')
    .addHelpText('after', example('natter import cities.ndjson', 'natter import users.ndjson --key email'))
    .action(run(importRecords))
  program
    .command('export')
    .description('print all records, or those whose key begins with PREFIX, as NDJSON lines')
    .argument('[prefix]')
    .option('--data <dir>', 'of a directory whose node does not run')
    .addHelpText('after', example('natter export > all.ndjson'))
    .action(run(exportRecords))
}
