/**
 * Loaded before a node (`NODE_OPTIONS=--import`), so that a test can ask what it really holds: at SIGUSR2 it collects all
 * garbage and appends one line of JSON to the file `NATTER_TEST_METER`. Without the collection a heap is noise.
 */
import { appendFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const file = process.env['NATTER_TEST_METER']

process.on('SIGUSR2', () => {
  if (file === undefined) return
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  const handles = process.getActiveResourcesInfo().length
  appendFileSync(file, `${JSON.stringify({ pid: process.pid, heapUsed, arrayBuffers, handles })}\n`)
})
