/**
 * `import` and `export`: many records at once, as NDJSON lines `{"key","value"}`.
 *
 * An import is a row of atomic batches in the order of the file: what was imported before an error or an interrupt stays,
 * and importing the file again ends the same.
 */
import { createReadStream, statSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { messageOf, NatterError } from '../../base/index.js'
import type { Action, AddCommands } from '../command.js'
import { example, textFlag } from '../command.js'
import type { Context } from '../context.js'
import { Importer } from '../importer.js'
import { pages } from '../listing.js'
import { Progress } from '../progress.js'
import { readRecords } from '../records.js'
import { formatBytes } from '../table.js'
import { interruptible } from '../values.js'
import type { Item } from './list.js'

const importRecords: Action = async (context, options, file = '') => {
  const { stream, bytes } = openInput(file)
  const progress = new Progress(context.out.progress, bytes)
  const importer = new Importer(context.client, offset =>
    progress.update(offset, `${importer.totals.records} records`)
  )
  const startedAtMs = performance.now()
  try {
    for await (const record of readRecords(interruptible(stream, context.signal), textFlag(options, 'key'))) {
      await importer.add(record)
    }
    await importer.end()
  } catch (error) {
    await importer.settled()
    progress.clear()
    context.out.note(`the first ${importer.totals.records} records are imported`)
    throw error instanceof Error && 'syscall' in error ? unreadable(file, error) : error
  }
  progress.clear()
  const seconds = (performance.now() - startedAtMs) / 1000
  await context.out.result({ ok: true, ...importer.totals }, ({ records, batches }) => {
    const rate = Math.round(records / Math.max(seconds, 0.001))
    return `imported ${records} records in ${batches} batches (${seconds.toFixed(1)} s, ${rate} a second)`
  })
}

function openInput(file: string): { stream: Readable; bytes: number | undefined } {
  if (file === '-') return { stream: process.stdin, bytes: undefined }
  try {
    const stat = statSync(file)
    if (stat.isDirectory()) throw new Error('it is a directory')
    return { stream: createReadStream(file), bytes: stat.size }
  } catch (error) {
    throw unreadable(file, error)
  }
}

function unreadable(file: string, cause: unknown): NatterError {
  const message = `the file ${file} cannot be read: ${messageOf(cause)}`
  return new NatterError('INVALID_ARGUMENT', message, { cause })
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
  for await (const page of pages<Item>(client, {
    path: '/kv',
    noun: 'items',
    query: { prefix },
    after: 'gt'
  })) {
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
