#!/usr/bin/env node
/**
 * The command `natter`. Refuses a Node.js that is too old in one sentence, fills what the running one lacks, and hands
 * over to `main.ts`, which is loaded only then: what it imports may need what was filled in.
 */
import '../polyfills.js'
import { tooFewFiles } from './open-files.js'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`natter needs Node.js 20.19 or newer; this is ${process.versions.node}.`)
  process.exit(1)
}

const { NATTER_FAILPOINT: failpoints = '' } = process.env
if (failpoints !== '') (await import('./arm-failpoints.js')).armByText(failpoints)
const { main } = await import('./main.js').catch(error => {
  const lack = tooFewFiles(error)
  if (lack === undefined) throw error
  console.error(`natter: ${lack}.\nAllow it more and start it again: ulimit -n 4096`)
  process.exit(1)
})
await main(process.argv.slice(2))
