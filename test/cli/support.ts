/** Runs the command as a user does: as a process, with its own directory, its output and its exit code. */

import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import type { ReadyLine } from '../../src/cli/commands/up.js'

export const BIN = resolve(import.meta.dirname, '../../src/cli/bin.js')
/** Milliseconds after which a command that should have ended is killed, so that its test fails and does not hang. */
const COMMAND_MS = 60_000
/** The same for one that runs until it is stopped: as long as a test may take. */
export const RUNNING_MS = 280_000

export interface Outcome {
  /** The exit code, or the name of the signal that ended it. */
  code: number | string
  stdout: string
  stderr: string
}

export interface RunOptions {
  input?: string | Uint8Array
  env?: Record<string, string>
  cwd?: string
}

export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'natter-cli-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function spawnNatter(
  args: readonly string[],
  options: RunOptions = {}
): ChildProcessWithoutNullStreams {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(NATTER_|DEBUG$|NODE_TEST)/.test(name))
  )
  return spawn(process.execPath, [BIN, ...args], {
    cwd: options.cwd ?? tmpdir(),
    env: { ...env, ...options.env },
    stdio: 'pipe'
  })
}

export function natter(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = spawnNatter(args, options)
  child.stdin.on('error', () => undefined) // the command may end before it read everything
  child.stdin.end(options.input ?? '')
  return outcomeOf(child)
}

export function outcomeOf(child: ChildProcessWithoutNullStreams, guardMs = COMMAND_MS): Promise<Outcome> {
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  const guard = setTimeout(() => child.kill('SIGKILL'), guardMs)
  return new Promise(done => {
    child.once('close', (code, signal) => {
      clearTimeout(guard)
      done({ code: code ?? signal ?? 'unknown', stdout, stderr })
    })
  })
}

export interface Running extends ReadyLine {
  http: string
  child: ChildProcessWithoutNullStreams
  /** Runs a command against this node. */
  natter(args: readonly string[], options?: RunOptions): Promise<Outcome>
  /** Ends it by a signal. */
  stop(signal?: NodeJS.Signals): Promise<Outcome>
}

/** Starts `natter up` on a free port and waits until it is ready; it ends with the test at the latest. */
export async function startNode(t: TestContext, args: readonly string[]): Promise<Running> {
  const child = spawnNatter(['up', '--json', '--no-mdns', '--http', '0', ...args])
  const ended = outcomeOf(child, RUNNING_MS)
  const lines = createInterface({ input: child.stdout })
  const ready = await Promise.race([
    new Promise<ReadyLine>(found => lines.once('line', line => found(JSON.parse(line) as ReadyLine))),
    ended.then(({ code, stderr }) => {
      throw new Error(`natter up ended with ${code}: ${stderr}`)
    })
  ])
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal)
    return ended
  }
  t.after(() => stop('SIGKILL'))
  const http = ready.http ?? ''
  return {
    ...ready,
    http,
    child,
    stop,
    natter: (more, options) => natter(['--api', http, ...more], options)
  }
}
