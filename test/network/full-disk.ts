/** A node whose data lies on a small file system that another program fills, and another node that goes on. */
import assert from 'node:assert/strict'
import { open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { onTmpfs } from '../disk/tmpfs.js'
import { connectedTo, equalDigests } from '../support/cluster.js'
import { Fleet, type PeerProcess } from '../support/peer-process.js'
import { until } from '../support/until.js'

const KIB = 1024
/** Small, and more than LevelDB needs for what is written here. */
const DISK_KIB = 48 * KIB
/** Milliseconds in which a guard has looked at the disk again. */
const LOOKS_MS = 3_000

export class SmallDisk {
  readonly fleet: Fleet
  readonly folder: string
  readonly other: PeerProcess
  node: PeerProcess
  /** What was acknowledged by the node or by the other. */
  readonly acked = new Map<string, string>()
  #count = 0

  private constructor(fleet: Fleet, folder: string, other: PeerProcess, node: PeerProcess) {
    this.fleet = fleet
    this.folder = folder
    this.other = other
    this.node = node
  }

  /** Runs `run` with a node on a disk of its own; answers false where this user may not mount one. */
  static run(run: (disk: SmallDisk) => Promise<void>): Promise<boolean> {
    return onTmpfs(DISK_KIB, async folder => {
      const fleet = new Fleet()
      try {
        const other = await fleet.start('other')
        const dataDir = join(folder, 'data')
        const node = await fleet.startWith({ dataDir, args: ['--bootstrap', other.addr] })
        await connectedTo(node, 1)
        await run(new SmallDisk(fleet, folder, other, node))
      } finally {
        await fleet.end()
      }
    })
  }

  /** Writes through one of both; answers the status and the code. */
  async write(
    by = this.node,
    bytes = KIB
  ): Promise<{ status: number; code: string | undefined; key: string }> {
    const key = `key ${this.#count++}`
    const value = `${key} `.padEnd(bytes, 'x')
    const { status, body } = await by.put(key, value)
    if (status === 200) this.acked.set(key, value)
    return { status, code: body.code, key }
  }

  /** Takes what is free, but for `keep` bytes; answers how to give it back. */
  async fill(keep = 0): Promise<() => Promise<void>> {
    const path = join(this.folder, 'ballast')
    const { bavail, bsize } = await statfs(this.folder)
    const file = await open(path, 'w')
    await file.write(new Uint8Array(Math.max(0, bavail * bsize - keep)))
    await file.close()
    return () => rm(path)
  }

  async refusesSoon(): Promise<void> {
    await until('the guard has seen it', LOOKS_MS, async () => (await this.write()).status !== 200)
  }

  /** For so long every write is refused by name, reads go on, and the other node sees what waits for this one. */
  async refusesFor(ms: number, codes: Readonly<Record<string, number>>): Promise<void> {
    const end = performance.now() + ms
    const waiting = await this.write(this.other)
    assert.equal(waiting.status, 200)
    const [known, value] = [...this.acked][0]!
    do {
      const { status, code } = await this.write()
      assert.equal(status, codes[code ?? ''], `${status} ${code}`)
      assert.equal(await this.node.value(known), value)
    } while (performance.now() < end)
    assert.equal(await this.node.value(waiting.key), undefined, 'what did not fit was not taken in')
    const { body } = await this.other.get('/outbox')
    const [box] = body.peers
    assert.ok(box.ops > 0, `the outbox shows what waits: ${JSON.stringify(box)}`)
  }

  async resumes(withinMs: number): Promise<void> {
    await until('writes are taken again', withinMs, async () => (await this.write()).status === 200)
    await equalDigests([this.node, this.other], 30_000)
  }

  /** Is started again, and both have all that was acknowledged. */
  async comesBack(): Promise<void> {
    this.node = await this.fleet.restart(this.node)
    await this.hasAll(this.node)
    await equalDigests([this.node, this.other], 30_000)
    await this.hasAll(this.other)
  }

  async hasAll(peer: PeerProcess): Promise<void> {
    for (const [key, value] of this.acked)
      assert.equal(await peer.value(key), value, `${key} was acknowledged`)
  }
}
