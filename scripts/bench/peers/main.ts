/**
 * `npm run bench:peers`: the same work on natter and on other systems, in turns, in one run.
 *
 * Flags: `--only natter,yjs` (systems), `--work live,open` (figures, or sessions, which are groups of figures),
 * `--repetitions N`, `--quick` (once, on fewer entries; nothing is kept), `--json` (lines in place of the table). What was
 * measured takes the place of older lines of the same in the results file; with `--add` its runs join theirs, so that a
 * long run can be made in pieces; `--show` prints the kept results and measures nothing. A system that cannot run here,
 * or fails, is said and left out.
 */
import { parseArgs } from 'node:util'
import type { Measured, Work } from './figures.js'
import { install } from './packages.js'
import type { Line } from './results.js'
import { lineOf, merge, printTable, readLines } from './results.js'
import type { Scale, Session } from './sessions.js'
import { FULL, QUICK, SESSIONS } from './sessions.js'
import type { System } from './systems.js'
import { hindrance, SYSTEMS } from './systems.js'

function flags() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      work: { type: 'string' },
      repetitions: { type: 'string' },
      show: { type: 'boolean', default: false },
      add: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false }
    }
  })
  return values
}

function refuse(what: string, known: readonly string[]): never {
  console.error(`${what}; there are ${[...new Set(known)].join(', ')}`)
  process.exit(2)
}

function chosenSystems(only: string | undefined): System[] {
  const names = only?.split(',')
  const known = SYSTEMS.flatMap(({ id, name }) => [name, id])
  const wrong = names?.find(name => !known.includes(name))
  if (wrong !== undefined) refuse(`no system is named ${wrong}`, known)
  return SYSTEMS.filter(({ id, name }) => names?.some(one => one === id || one === name) ?? true)
}

function chosenSessions(work: string | undefined): Session[] {
  const names = work?.split(',')
  const known = SESSIONS.flatMap(({ name, works }) => [name, ...works])
  const wrong = names?.find(name => !known.includes(name))
  if (wrong !== undefined) refuse(`no work is named ${wrong}`, known)
  return SESSIONS.filter(
    ({ name, works }) => names?.some(one => one === name || works.includes(one as Work)) ?? true
  )
}

function scaleOf(quick: boolean, repetitions: string | undefined): Scale {
  const scale = quick ? QUICK : FULL
  if (repetitions === undefined) return scale
  if (!/^[1-9]\d?$/.test(repetitions)) {
    console.error(`--repetitions takes a number from 1 to 99; this is ${repetitions}`)
    process.exit(2)
  }
  return { ...scale, repetitions: Number(repetitions) }
}

/** All repetitions of a session, the systems in turns within each. */
async function measure(session: Session, systems: readonly System[], scale: Scale): Promise<Line[]> {
  const found = new Map<System, Measured[]>(systems.map(system => [system, []]))
  const failed = new Set<System>()
  for (let repetition = 1; repetition <= scale.repetitions; repetition++) {
    for (const system of systems.filter(one => !failed.has(one))) {
      console.error(`${session.name} ${repetition}/${scale.repetitions}: ${system.id} …`)
      try {
        const measured = await session.run(system, scale)
        if (measured.length === 0) throw new Error('it takes fewer entries than that in its time')
        found.get(system)!.push(...measured)
      } catch (error) {
        failed.add(system)
        console.error(
          `${session.name}: ${system.id} failed: ${error instanceof Error ? error.message : error}`
        )
      }
    }
  }
  return systems.flatMap(system =>
    session.works.flatMap(work => {
      const repetitions = found.get(system)!.filter(measured => measured.work === work)
      return repetitions.length === 0 ? [] : [lineOf(system, work, repetitions)]
    })
  )
}

const { only, work, repetitions, add, show, quick, json } = flags()
if (show) {
  const kept = readLines()
  for (const major of new Set(kept.map(({ node }) => node.split('.')[0]))) {
    console.log(`Node.js ${major}`)
    printTable(kept.filter(({ node }) => node.startsWith(`${major}.`)))
  }
  process.exit(0)
}
const scale = scaleOf(quick, repetitions)
const wanted = chosenSystems(only)
const sessions = chosenSessions(work)
if (wanted.some(({ name }) => name !== 'natter')) install()
const systems: System[] = []
for (const system of wanted) {
  const why = await hindrance(system)
  if (why === undefined) systems.push(system)
  else console.error(`${system.name} is left out: ${why}`)
}
const lines: Line[] = []
for (const session of sessions.filter(({ long }) => !(quick && long))) {
  const measured = await measure(session, systems, scale)
  if (!quick) merge(measured, add)
  lines.push(...measured)
}
if (json) for (const line of lines) console.log(JSON.stringify(line))
else printTable(lines)
process.exit(lines.length > 0 ? 0 : 1)
