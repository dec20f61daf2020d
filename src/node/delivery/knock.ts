/** Whether a server takes connections: one is made and given up again, nothing is sent. */
import { connect } from 'node:net'
import type { Clock } from '../../base/index.js'

/** Milliseconds after which a server that says nothing counts as away. */
const timeoutMs = 2000

/** `origin` is that of an HTTP URL. Never rejects. */
export function knock(origin: string, clock: Clock): Promise<boolean> {
  const { protocol, hostname, port } = new URL(origin)
  return new Promise(resolve => {
    const socket = connect({
      // An IPv6 literal stands in brackets in a URL and without them here.
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
    })
    const timer = clock.schedule(timeoutMs, () => end(false))
    const end = (isThere: boolean) => {
      timer.cancel()
      socket.destroy()
      resolve(isThere)
    }
    socket.once('connect', () => end(true)).once('error', () => end(false))
  })
}
