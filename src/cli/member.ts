/** One member of a cluster: a child process that runs `natter up`, with its ready line and its end. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { ErrorCode } from '../base/index.js'
import { ERRORS, NatterError } from '../base/index.js'
import type { MemberPlan } from './cluster-plan.js'
import type { ReadyLine } from './commands/up.js'

export interface Member {
  readonly plan: MemberPlan
  /** Rejects when it ends before it is ready, with its own error. */
  readonly ready: Promise<ReadyLine>
  /** Resolves with how it ended: a signal's name, or its exit code. Never rejects. */
  readonly ended: Promise<string>
  kill(signal: NodeJS.Signals): void
}

/** `log` gets what it writes to stderr, a line at a time. */
export function startMember(plan: MemberPlan, log: (line: string) => void): Member {
  // In a process group of its own, so that a Ctrl-C in the terminal reaches it once, through its parent. The IPC channel
  // carries nothing: it closes when the parent goes, however it goes, and the member stops then.
  const child = spawn(process.execPath, [process.argv[1]!, ...plan.args, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('NATTER_')))
  })
  let lastError = ''
  createInterface({ input: child.stderr! }).on('line', line => {
    lastError = line
    log(line)
  })
  const ended = new Promise<string>(resolve => {
    child.once('error', error => resolve(error.message))
    // 'close' comes after the last line of output, 'exit' may come before it.
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })
  const ready = new Promise<ReadyLine>((resolve, reject) => {
    createInterface({ input: child.stdout! }).on('line', line => {
      if (line.startsWith('{"event":"ready"')) resolve(JSON.parse(line) as ReadyLine)
    })
    void ended.then(how => reject(startError(plan, how, lastError)))
  })
  ready.catch(() => undefined) // told to whoever waits for it; an end while nobody waits is told by `ended`
  return { plan, ready, ended, kill: signal => void child.kill(signal) }
}

/** What the member said about why it does not start, under its name. */
function startError(plan: MemberPlan, how: string, lastError: string): NatterError {
  try {
    const { error, code, remedy } = JSON.parse(lastError) as Record<string, unknown>
    if (typeof error === 'string' && typeof code === 'string' && Object.hasOwn(ERRORS, code)) {
      return new NatterError(code as ErrorCode, `${plan.name}: ${error}`, {
        ...(typeof remedy === 'string' ? { remedy } : {})
      })
    }
  } catch {
    // Not one of natter's own errors: told as it is.
  }
  return new NatterError('INTERNAL', `${plan.name} ended before it was ready (${how}): ${lastError}`)
}
