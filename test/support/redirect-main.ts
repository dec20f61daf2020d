/**
 * Loaded before a node (`NODE_OPTIONS=--import`), so that what it dials goes through a proxy: nodes tell each other their
 * real addresses, and would dial past it. `NATTER_TEST_REDIRECT` is JSON: the port of the proxy by the port dialled.
 */
import net from 'node:net'

const ports = JSON.parse(process.env['NATTER_TEST_REDIRECT'] ?? '{}') as Record<string, number>
const connect = net.connect as (...args: unknown[]) => net.Socket

function redirected(...args: unknown[]): net.Socket {
  const [options, ...rest] = args
  if (typeof options !== 'object' || options === null || !('port' in options)) return connect(...args)
  return connect({ ...options, port: ports[String(options.port)] ?? options.port }, ...rest)
}

net.connect = redirected as typeof net.connect
