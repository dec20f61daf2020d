/** What this machine is called (Node.js only). */
import { hostname } from 'node:os'

/** The host name, for a node that was given no name. */
export function machineName(): string {
  return hostname()
}
