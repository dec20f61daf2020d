/** The runnable examples under scripts/examples say what the README says of them. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** Milliseconds that an example may take. */
const EXAMPLE_MS = 60_000

const SAID: Readonly<Record<string, readonly string[]>> = {
  'offline-then-online': [
    'offline: 3 wait, 0 arrived',
    'online: {"text":"one"} {"text":"two"} {"text":"three"}'
  ],
  'server-recovers': [
    'attempt 1: HTTP 503 Service Unavailable: not like this',
    'attempt 2: HTTP 503 Service Unavailable: not like this',
    'attempt 3: HTTP 503 Service Unavailable: not like this',
    'attempt 4: done, 1 arrived'
  ],
  'crash-and-takeover': [
    'process 1 is gone, 1 arrived',
    'found inflight',
    'done by attempt 2, 1 arrived',
    '1 put',
    '2 claim',
    '3 failed',
    '4 claim',
    '5 done'
  ],
  'permanent-failure': [
    'gave-up: attempt 1 was the last: HTTP 422 Unprocessable Entity: not like this',
    'another tick sends 0',
    'after the retry a tick sends 1: done'
  ]
}

for (const [name, said] of Object.entries(SAID))
  test(`the example ${name}`, async () => {
    const path = fileURLToPath(new URL(`../../scripts/examples/${name}.js`, import.meta.url))
    const { stdout } = await run(process.execPath, [path], { timeout: EXAMPLE_MS })
    assert.deepEqual(stdout.trimEnd().split('\n'), said)
  })

test('every example is run', () => {
  const files = readdirSync('scripts/examples').map(name => name.replace('.ts', ''))
  assert.deepEqual(new Set(files), new Set([...Object.keys(SAID), 'inbox']))
})
