/** What is loaded when: parts that few nodes use cost the others nothing. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'

const hooks = `
export async function load(url, context, next) {
  process._rawDebug('loaded ' + url)
  return next(url, context)
}`
const register = `
import { register } from 'node:module'
register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hooks)}))`
const index = new URL('../../src/index.js', import.meta.url).href

/** Names of the packages that a process of its own loads for this code. */
async function packagesOf(code: string): Promise<Set<string>> {
  const { stderr } = await promisify(execFile)(
    process.execPath,
    [
      '--import',
      `data:text/javascript,${encodeURIComponent(register)}`,
      '--input-type=module',
      '--eval',
      `const { createNode } = await import('${index}')\n${code}\nprocess.exit(0)`
    ],
    { maxBuffer: 16 * 1024 * 1024 }
  )
  const urls = stderr.split('\n').filter(line => line.startsWith('loaded '))
  const names = urls.map(url => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1])
  return new Set(names.filter(name => name !== undefined))
}

const parts = [
  '@libp2p/websockets',
  'ws',
  '@libp2p/mdns',
  '@libp2p/pnet',
  '@libp2p/bootstrap',
  'memory-level',
  'fastify'
]

test('a node loads no part that it does not use', async () => {
  const loaded = await packagesOf(`
    import { mkdtempSync, rmSync } from 'node:fs'
    import { tmpdir } from 'node:os'
    const dataDir = mkdtempSync(tmpdir() + '/natter-loading-')
    const node = await createNode({ dataDir, mdns: false })
    await node.db.put('key', 1)
    await node.stop()
    rmSync(dataDir, { recursive: true })`)
  assert.ok(loaded.has('libp2p') && loaded.has('classic-level'), [...loaded].join(' '))
  assert.deepEqual(
    parts.filter(part => loaded.has(part)),
    []
  )
})

test('and has each as soon as it does', async () => {
  const loaded = await packagesOf(`
    const node = await createNode({
      listen: ['/ip4/127.0.0.1/tcp/0/ws'],
      psk: new Uint8Array(32),
      mdns: false,
      bootstrap: ['/ip4/127.0.0.1/tcp/1/p2p/12D3KooWRTMVwbbDu6RADJeopj9QLUWZXKdqPQ2mto2LUh6WoCQo']
    })
    await node.serve({ port: 0 })
    await node.stop()`)
  assert.deepEqual(
    parts.filter(part => !loaded.has(part)),
    ['@libp2p/mdns'] // which would speak to the network that this machine is in
  )
})
