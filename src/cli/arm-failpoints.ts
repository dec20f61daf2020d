/**
 * Arms failpoints by NATTER_FAILPOINT, for tests of crashes: `<name>:<passing>:<action>`, several with commas between.
 *
 * The action is done at the given passing (1 is the first) and only there: `kill` ends the process by SIGKILL at once,
 * `kill-later` a moment afterwards, when what was handed to the network has left, and `throw` raises what LevelDB raises
 * for an error of the disk. After a first word `on-signal`, passings count from SIGUSR2 on. Loaded only when the variable
 * is set.
 */
import { writeSync } from 'node:fs'
import type { Failpoint } from '../base/failpoints.js'
import { armFailpoints, FAILPOINTS } from '../base/failpoints.js'
import { NatterError } from '../base/index.js'

/** Milliseconds that `kill-later` leaves to the streams: a hundred turns of the event loop on loopback. */
const laterMs = 100

const actions = {
  kill: () => process.kill(process.pid, 'SIGKILL'),
  'kill-later': () => setTimeout(actions.kill, laterMs),
  throw: () => {
    throw Object.assign(new Error('Input/output error'), { code: 'LEVEL_IO_ERROR' })
  }
}

/** Throws `INVALID_ARGUMENT` for what is no failpoint: a test that armed none would prove nothing. */
export function armByText(text: string): void {
  const words = text.split(',')
  const waits = words[0] === 'on-signal'
  const orders = words.slice(waits ? 1 : 0).map(order => {
    const [name = '', passing = '1', action = 'kill'] = order.split(':')
    const isKnown = (FAILPOINTS as readonly string[]).includes(name) && action in actions
    if (!isKnown || !/^[1-9]\d*$/.test(passing))
      throw new NatterError('INVALID_ARGUMENT', `NATTER_FAILPOINT: ${order} is none`)
    return { name, left: Number(passing), action: action as keyof typeof actions }
  })
  const arm = (): void => {
    armFailpoints((name: Failpoint) => {
      for (const order of orders) {
        if (order.name !== name || --order.left !== 0) continue
        tell(`failpoint ${name}: ${order.action}`)
        actions[order.action]()
      }
    })
    tell('failpoints armed')
  }
  if (waits) process.once('SIGUSR2', arm)
  else arm()
}

/** At once, since the process may be about to end. */
function tell(line: string): void {
  writeSync(process.stderr.fd, `${line}\n`)
}
