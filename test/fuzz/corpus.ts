/**
 * The saved inputs, one small file each: `test/fuzz/corpus/<target>/<name>.hex`. Inputs that reached something new, and
 * each that ever broke a promise (`fail-…`), so that it stays mended.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromHex, toHex } from '../../src/base/index.js'
import { nameOf } from './run.js'

const FOLDER = 'test/fuzz/corpus'
const LINE = 100

export function loadCorpus(folder = FOLDER): Map<string, Uint8Array[]> {
  const corpus = new Map<string, Uint8Array[]>()
  if (!existsSync(folder)) return corpus
  for (const target of readdirSync(folder, { withFileTypes: true })) {
    if (!target.isDirectory()) continue
    const path = join(folder, target.name)
    const files = readdirSync(path).filter(name => name.endsWith('.hex'))
    const inputs = files
      .sort()
      .map(name => fromHex(readFileSync(join(path, name), 'utf8').replace(/\s/g, '')))
    corpus.set(target.name, inputs)
  }
  return corpus
}

/** Writes an input as a file; answers its path. */
export function save(target: string, bytes: Uint8Array, failed: boolean, folder = FOLDER): string {
  const path = join(folder, target)
  mkdirSync(path, { recursive: true })
  const file = join(path, `${failed ? 'fail-' : ''}${nameOf(bytes)}.hex`)
  const lines = toHex(bytes).match(new RegExp(`.{1,${LINE}}`, 'g')) ?? []
  writeFileSync(file, `${lines.join('\n')}\n`)
  return file
}
