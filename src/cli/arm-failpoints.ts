/**
 * Arms failpoints by NATTER_FAILPOINT, for tests of crashes: `<name>:<passing>:<action>`, several with commas between.
 *
 * The action is done at the given passing (1 is the first) and only there: `kill` ends the process by SIGKILL at once,
 * `kill-later` a moment afterwards, when what was handed to the network has left, `stop` halts it until SIGCONT, and
 * `throw` raises what LevelDB raises for an error of the disk. Loaded only when the variable is set.
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
  stop: () => process.kill(process.pid, 'SIGSTOP'),
  throw: () => {
    throw Object.assign(new Error('Input/output error'), { code: 'LEVEL_IO_ERROR' })
  }
}

/** Throws `INVALID_ARGUMENT` for what is no failpoint: a test that armed none would prove nothing. */
export function armByText(text: string): void {
  const orders = text.split(',').map(order => {
    const [name = '', passing = '1', action = 'kill'] = order.split(':')
    const isKnown = (FAILPOINTS as readonly string[]).includes(name) && action in actions
    if (!isKnown || !/^[1-9]\d*$/.test(passing))
      throw new NatterError('INVALID_ARGUMENT', `NATTER_FAILPOINT: ${order} is none`)
    return { name, left: Number(passing), action: action as keyof typeof actions }
  })
  armFailpoints((name: Failpoint) => {
    for (const order of orders) {
      if (order.name !== name || --order.left !== 0) continue
      writeSync(process.stderr.fd, `failpoint ${name}: ${order.action}\n`)
      actions[order.action]()
    }
  })
}
