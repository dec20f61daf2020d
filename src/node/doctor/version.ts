/** Which versions run: of Node.js, of natter here, and of natter elsewhere as far as presence tells. */
import { VERSION } from '../../version.js'
import type { Check } from './check.js'
import { ok, warn } from './check.js'

/** What package.json asks for: below it libp2p and this program use what is not there. */
const least = [20, 19]

export const versionChecks: readonly Check[] = [
  {
    name: 'version',
    needs: 'store',
    look({ nodeVersion, node }) {
      const peers = new Set<string>()
      for (const { appName, appVersion } of node?.membership()?.net.presence() ?? []) {
        if (appName === 'natter') peers.add(appVersion)
      }
      const details = { natter: VERSION, node: nodeVersion, peers: [...peers].sort() }
      const others = [...peers].filter(version => version !== VERSION).sort()
      const elsewhere = others.length === 0 ? '' : `; peers run natter ${others.join(', ')}`
      const evidence = `natter ${VERSION} on Node.js ${nodeVersion}${elsewhere}`
      if (isSupported(nodeVersion)) return ok(evidence, details)
      const wanted = `${least.join('.')} or newer`
      return warn(`${evidence}, and Node.js ${wanted} is needed`, `Install Node.js ${wanted}.`, details)
    }
  }
]

function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > least[0]! || (major === least[0] && minor >= least[1]!)
}
