/** `doctor`: every check with its evidence and remedy; what needs attention comes first. */

import type { DoctorCheck, DoctorReport, DoctorStatus } from '../../base/index.js'
import type { Action, AddCommands } from '../command.js'
import { example, textFlag } from '../command.js'
import type { Color, Output } from '../output.js'
import { wrapped } from '../wrapped.js'

const COLORS: Readonly<Record<DoctorStatus, Color>> = { ok: 'green', warn: 'yellow', fail: 'red' }
const ORDER: readonly DoctorStatus[] = ['fail', 'warn', 'ok']
/** Checks whose failure is damage: they end the command with the exit code of damage. */
const DAMAGE: readonly string[] = ['integrity', 'sentinel']
const EXIT_DAMAGED = 8
const EXIT_FAILED = 1
const STATUS_WIDTH = 'warn  '.length

const doctor: Action = async (context, options) => {
  const dataDir = textFlag(options, 'data')
  const report =
    dataDir === undefined
      ? (await context.client.call<DoctorReport>('GET', '/doctor')).body
      : await examineOffline(dataDir)
  await context.out.result({ ok: true, ...report }, whole => describe(whole, context.out))
  context.exit = exitOf(report.checks)
}

async function examineOffline(dataDir: string): Promise<DoctorReport> {
  const { examineDirectory } = await import('../offline.js') // the libraries of a node: not for commands that only call one
  return examineDirectory(dataDir)
}

function exitOf(checks: readonly DoctorCheck[]): number {
  const failed = checks.filter(({ status }) => status === 'fail')
  if (failed.length === 0) return 0
  return failed.some(({ name }) => DAMAGE.includes(name)) ? EXIT_DAMAGED : EXIT_FAILED
}

function describe(report: DoctorReport, out: Output): string {
  const { checks, leftOut } = report
  const width = Math.max(0, ...checks.map(({ name }) => name.length)) + 2
  const sorted = ORDER.flatMap(status => checks.filter(check => check.status === status))
  return [
    headline(report, out),
    '',
    ...sorted.map(check => describeCheck(check, width, out)),
    ...describeLeftOut(leftOut, out)
  ].join('\n')
}

function headline({ status, checks, peerId, network, running }: DoctorReport, out: Output): string {
  const count = (wanted: DoctorStatus) => checks.filter(check => check.status === wanted).length
  const said = {
    ok: 'all is well',
    warn: wanting(count('warn')),
    fail: `${numbered(count('fail'))} failed${count('warn') === 0 ? '' : `, ${wanting(count('warn'))}`}`
  }
  const whose = peerId === null ? 'a directory that cannot be opened' : peerId
  const where = network === null ? '' : ` in network ${network}`
  return `${whose}${where}${running ? '' : ', which does not run'}: ${out.paint(COLORS[status], said[status])}`
}

function numbered(count: number): string {
  return `${count} ${count === 1 ? 'check' : 'checks'}`
}

function wanting(count: number): string {
  return `${numbered(count)} ${count === 1 ? 'wants' : 'want'} attention`
}

function describeCheck({ name, status, evidence, remedy }: DoctorCheck, width: number, out: Output): string {
  const indent = ' '.repeat(STATUS_WIDTH + width)
  // What is well is one line; with -v it shows its cases too.
  const shown =
    status === 'ok' && out.verbosity === 0 ? evidence.split('\n').slice(0, 1) : evidence.split('\n')
  const lines = shown.flatMap((line, at) => wrapped(line, indent, at > 0 ? '  ' : ''))
  if (remedy !== undefined) lines.push(...wrapped(`→ ${remedy}`, indent, '', '  '))
  const mark = out.paint(COLORS[status], status.padEnd(STATUS_WIDTH))
  return `${mark}${name.padEnd(width)}${lines.join('\n').trimStart()}`
}

function describeLeftOut(leftOut: DoctorReport['leftOut'], out: Output): string[] {
  const byReason = new Map<string, string[]>()
  for (const { name, reason } of leftOut) byReason.set(reason, [...(byReason.get(reason) ?? []), name])
  return [...byReason].flatMap(([reason, names]) =>
    wrapped(`not looked at, as ${reason}: ${names.join(', ')}`, '', '', '  ').map(line =>
      out.paint('dim', line)
    )
  )
}

export const addDoctor: AddCommands = (program, run) => {
  program
    .command('doctor')
    .description(
      'look at connections, clocks, storage, integrity, lag and what is held back: what is wrong, and what to do'
    )
    .option('--data <dir>', 'a directory whose node does not run: the checks that need no network')
    .addHelpText(
      'after',
      `\nExit code 0 when no check failed, warnings aside; 8 when damage was found; 1 when another check failed.\n${example(
        'natter doctor',
        'natter doctor --data ./natter-data',
        'natter doctor --json'
      )}`
    )
    .action(run(doctor))
}
