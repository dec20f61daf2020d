/** `GET /doctor` of a real node: its shape as described, and what a program reads from it. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { DoctorReport } from '../../src/base/index.js'
import type { Schema } from '../../src/http/schemas.js'
import { createNode } from '../../src/index.js'
import { faults } from '../support/schema-check.js'
import { startOn } from './harness.js'

interface Document {
  paths: Record<
    string,
    { get: { responses: Record<string, { content: Record<string, { schema: Schema }> }> } }
  >
  components: { schemas: Record<string, Schema> }
}

test('the checks of a real node, well and not, fit what is described', async t => {
  const dataDir = await mkdtemp(join(tmpdir(), 'natter-http-'))
  const node = await createNode({ dataDir, name: 'one', mdns: false })
  t.after(async () => {
    await node.stop()
    await rm(dataDir, { recursive: true, force: true })
  })
  const { call } = await startOn(t, node)
  const document = (await call('GET', '/openapi.json')).body as unknown as Document
  const schema = document.paths['/doctor']!.get.responses['200']!.content['application/json']!.schema
  const look = async (): Promise<DoctorReport> => {
    const { status, body } = await call('GET', '/doctor')
    assert.deepEqual([status, body['ok']], [200, true])
    assert.deepEqual(faults(body, schema, document.components.schemas), [])
    return body as unknown as DoctorReport
  }
  const well = await look()
  assert.deepEqual([well.status, well.peerId, well.leftOut], ['ok', node.peerId, []])
  assert.deepEqual(
    well.checks.map(({ status }) => status),
    well.checks.map(() => 'ok')
  )

  await rm(join(dataDir, 'lock'))
  await node.sync.pause()
  const ill = await look()
  assert.equal(ill.status, 'fail', 'the worst of the checks')
  const [directory] = ill.checks.filter(({ status }) => status === 'fail')
  assert.equal(directory?.name, 'directory')
  assert.ok(directory.remedy !== undefined)
  assert.ok(ill.leftOut.some(({ name }) => name === 'lag'))
  assert.equal((await call('GET', '/doctor?all=1')).body['code'], 'UNKNOWN_PARAMETER')
})
