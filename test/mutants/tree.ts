/**
 * Compiled trees of the product with a bug planted, beside the one that this file runs from: every file is a hard link
 * but the one with the bug, which is compiled from the changed source. Nothing of the real tree is touched.
 */
import { spawn } from 'node:child_process'
import { cpSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Mutant } from './mutant.js'
import { plant } from './mutants.js'

/** The folder that holds the compiled `src` and `test`. Packages are found from there upward. */
const outRoot = fileURLToPath(new URL('../../', import.meta.url))

export class Trees {
  readonly #folder = mkdtempSync(join(outRoot, 'mutants-'))
  readonly #compiled = join(this.#folder, 'compiled')

  /** Compiles the changed sources of all of these, in one run of the compiler. Rejects where one is no TypeScript. */
  async compile(mutants: readonly Mutant[]): Promise<void> {
    const sources = join(this.#folder, 'sources')
    const files = mutants.map(mutant => {
      const path = join(sources, mutant.name, mutant.file)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, plant(mutant))
      return path
    })
    // Types were checked with the rest of the product; a bug may break them.
    const options = ['--ignoreConfig', '--noCheck', '--noResolve', '--target', 'es2023', '--module', 'esnext']
    const places = ['--moduleResolution', 'bundler', '--rootDir', sources, '--outDir', this.#compiled]
    const compiler = fileURLToPath(import.meta.resolve('typescript/package.json')).replace(
      'package.json',
      'bin/tsc'
    )
    await run(process.execPath, [compiler, ...options, ...places, ...files])
  }

  /** A whole tree with this bug in it; the product as it is without one. */
  make(name: string, mutant?: Mutant): string {
    const root = join(this.#folder, 'trees', name)
    for (const part of ['src', 'test', 'scripts']) linkAll(join(outRoot, part), join(root, part))
    if (mutant !== undefined) {
      const file = mutant.file.replace(/\.ts$/, '.js')
      rmSync(join(root, file)) // a link: what is written there must not go to the real one
      cpSync(join(this.#compiled, name, file), join(root, file))
    }
    return root
  }

  drop(name: string): void {
    rmSync(join(this.#folder, 'trees', name), { recursive: true, force: true })
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

function linkAll(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) linkAll(source, target)
    else if (entry.name.endsWith('.js')) linkSync(source, target)
  }
}

export interface Ended {
  readonly code: number | null
  readonly output: string
  /** It took longer than it may. */
  readonly hung: boolean
  readonly seconds: number
}

/** Runs a program to its end or its time, whatever becomes of it. */
export function attempt(program: string, args: readonly string[], timeoutMs: number): Promise<Ended> {
  const begun = performance.now()
  return new Promise((resolve, reject) => {
    // Inside a test the runner would take a run of tests for its own and do nothing.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
    let output = ''
    let hung = false
    const timer = setTimeout(() => {
      hung = true
      child.kill('SIGKILL')
    }, timeoutMs)
    const take = (data: Buffer): void => {
      // A program that fails in a loop must not fill this one's memory.
      output = (output + data.toString()).slice(-100_000)
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    child.on('error', reject)
    child.on('close', code => {
      clearTimeout(timer)
      resolve({ code, output, hung, seconds: (performance.now() - begun) / 1000 })
    })
  })
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const { code, output } = await attempt(program, args, 120_000)
  if (code !== 0) throw new Error(output)
}
