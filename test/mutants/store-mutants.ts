/** Planted bugs below the network: the disk, the store, the log, and which version wins. */
import type { Mutant } from './mutant.js'

export const STORE_MUTANTS: readonly Mutant[] = [
  // Durability
  {
    name: 'answer-before-sync',
    file: 'src/store/commit.ts',
    find: 'if (draft.write.length > 0) await disk.commit(draft.write)',
    replace: 'if (draft.write.length > 0) disk.commit(draft.write).catch(() => undefined)',
    promise: 'a write that resolved is on disk'
  },
  {
    name: 'announce-before-sync',
    file: 'src/store/commit.ts',
    find: '      if (draft.write.length > 0) await disk.commit(draft.write)',
    replace: `      this.#init.announce({ applied: draft.applied })
      if (draft.write.length > 0) await disk.commit(draft.write)`,
    promise: 'commit, then the state machine, then the network: nobody hears of what a crash can still take'
  },
  {
    name: 'sync-flag-dropped',
    file: 'src/disk/level-disk.ts',
    find: "sync: this.durability === 'fsync'",
    replace: 'sync: false',
    promise: 'a commit that resolved is on disk'
  },
  {
    name: 'fence-forgotten',
    file: 'src/disk/level-disk.ts',
    find: `      this.#fence(error)
      throw new NatterError('INDETERMINATE'`,
    replace: "      throw new NatterError('INDETERMINATE'",
    promise: 'after a failed commit nothing more is accepted until the database was opened again'
  },
  {
    name: 'fence-ignores-a-read-error',
    file: 'src/disk/level-disk.ts',
    find: `    this.#fence(thrown)
`,
    replace: '',
    promise: 'reads that the file system refuses fence as well',
    tests: ['test/disk/fence.test.ts']
  },
  {
    name: 'reopened-without-rebuilding',
    file: 'src/disk/level-disk.ts',
    find: 'for (const rebuild of this.#rebuilds) await rebuild(write => this.#commit(write))',
    replace: '',
    promise: 'after a fence memory is what the disk turned out to hold'
  },
  {
    name: 'memory-kept-after-a-fence',
    file: 'src/store/open.ts',
    find: '    await memory.load()\n    return',
    replace: '    return',
    promise: 'an interrupted commit that was made is not made a second time under the same name'
  },
  {
    name: 'tail-not-rewritten',
    file: 'src/store/open.ts',
    find: '    await rewriteTail(disk, lost.includes(position) ? [META_KEY] : [logKey(position), META_KEY], commit)\n',
    replace: '',
    promise: 'what was read after a failed sync is on disk before anybody hears of it',
    tests: ['test/store/fence.test.ts']
  },
  {
    name: 'interrupted-commit-not-announced',
    file: 'src/store/open.ts',
    find: '      events.announce({ applied: made })',
    replace: '      events.announce({ applied: [] })',
    promise: 'what an interrupted commit did make is told like any other'
  },
  {
    name: 'checksum-not-compared',
    file: 'src/base/sealed-record.ts',
    find: '  return (hashes.crc32(value.subarray(0, end)) ^ keySum(key)) === stored',
    replace: '  return (hashes.crc32(value.subarray(0, end)) ^ keySum(key)) === stored || end > 0',
    promise: 'damage is detected, never served'
  },

  // The log
  {
    name: 'epoch-kept-after-a-restore',
    file: 'src/store/state.ts',
    find: '    state.time = meta.time\n',
    replace: `    state.time = meta.time
    const own = state.authors.numberOf(meta.author)
    for (const tip of state.tips.values()) if (tip.author === own) state.own = tip
`,
    promise: 'a restored or copied directory never signs a second content for one name'
  },
  {
    name: 'own-epochs-not-named',
    file: 'src/store/local.ts',
    find: 'for (const tip of newestTips(draft.tipsOf(number)))',
    replace: 'for (const tip of newestTips(draft.tipsOf(-1)))',
    promise: 'the first batch of an epoch names every tip of its own author'
  },
  {
    name: 'own-fork-ignored',
    file: 'src/store/remote.ts',
    find: 'if (author === this.#init.author && epoch === draft.own?.epoch) draft.own = undefined',
    replace: '',
    promise: 'an author whose current epoch is forked begins another',
    tests: ['test/store/forks.test.ts']
  },
  {
    name: 'dep-check-skipped',
    file: 'src/store/apply.ts',
    find: "if (missing.length > 0 || typeof slot === 'string') return",
    replace: "if (typeof slot === 'string') return",
    promise: 'a batch is applied after everything that its writer had seen'
  },
  {
    name: 'over-needs-no-dep',
    file: 'src/store/reach.ts',
    find: 'head.origin.id === ref.batch && this.#isKnownBehind(head.origin)',
    replace: 'head.origin.id === ref.batch',
    promise: 'what an op overwrites is the same in whatever order batches arrive'
  },
  {
    name: 'equal-seq-is-equal-batch',
    file: 'src/store/apply.ts',
    find: '    const rivals = await draft.lineage.findAll(number, epoch, 1, toldRivals)',
    replace: `    const rivals = await draft.lineage.findAll(number, epoch, 1, toldRivals)
    if (rivals.length > 0) return 'duplicate'`,
    promise: 'both branches of a fork are kept, served and applied'
  },
  {
    name: 'previous-by-seq-alone',
    file: 'src/store/lineage.ts',
    find: 'if (record?.id.startsWith(id)) return',
    replace: 'if (record !== undefined) return',
    promise: 'a dep is met when exactly that batch is applied'
  },
  {
    name: 'older-epoch-hidden',
    file: 'src/log/frontier.ts',
    find: '    tips.set(tip.id, tip)',
    replace: `    for (const other of tips.values()) if (other.epoch < tip.epoch && tips.delete(other.id)) this.#size--
    tips.set(tip.id, tip)`,
    promise: 'an epoch goes out of sight when its last batch is named, not when a newer one is seen'
  },
  {
    name: 'previous-stays-a-tip',
    file: 'src/store/draft.ts',
    find: 'if (header.previous !== NO_BATCH) this.#removeTip(shortId(header.previous))',
    replace: '',
    promise: 'the frontier holds tips and nothing else, also after a restart'
  },
  {
    name: 'own-deps-not-followed',
    file: 'src/store/lineage.ts',
    find: 'if (dep.atSeq <= next.seq)',
    replace: 'if (dep.atSeq < next.seq)',
    promise: 'what lies behind a batch is a fact of the log, across epochs'
  },
  {
    name: 'off-by-one-at-the-gap',
    file: 'src/store/runs.ts',
    find: 'this.#taken.set(text, { from, to })\n      await this.#push(chain, from, to)',
    replace:
      'this.#taken.set(text, { from, to })\n      await this.#push(chain, from > 1 ? from + 1 : from, to)',
    promise: 'a node asks only for what it lacks, and gets all of it'
  },
  {
    name: 'time-not-rising',
    file: 'src/log/hybrid-clock.ts',
    find: 'if (wallMs > last.ms) return',
    replace: 'if (wallMs >= last.ms) return',
    promise: 'hybrid time rises strictly within an epoch'
  },
  {
    name: 'time-ahead-kept',
    file: 'src/store/local.ts',
    find: 'if (time.ms > nowMs + limits.clockDriftMs) {',
    replace: 'if (nowMs < 0) {',
    promise: 'a clock that jumped back does not leave this node writing far ahead of wall time'
  },

  // Cells, client ids, reads
  {
    name: 'last-op-not-applied',
    file: 'src/store/apply.ts',
    find: 'for (let index = 0; index < ops.length; index++) {\n    const entry = ops[index]',
    replace:
      'for (let index = 0; index < Math.max(1, ops.length - 1); index++) {\n    const entry = ops[index]',
    promise: 'a batch is applied whole'
  },
  {
    name: 'digest-keeps-what-is-gone',
    file: 'src/store/cells.ts',
    find: `    for (const { origin, index } of without(before, heads))
      digest.remove(stateHash(key, origin.id, index, hashes))
`,
    replace: '',
    promise: 'equal frontier digest, equal state digest'
  },
  {
    name: 'unparsable-body-refused',
    file: 'src/store/prepare.ts',
    find: 'if (error instanceof RangeError || error instanceof TypeError) return []',
    replace: '',
    promise: 'a signed body that breaks the grammar is a batch without ops, on every node'
  },
  {
    name: 'if-before-the-id',
    file: 'src/store/local.ts',
    find: '      const repeated = this.#known(prepared)\n',
    replace: `      this.#checkConditions(prepared)
      const repeated = this.#known(prepared)
`,
    promise: 'a known id is answered before its condition is looked at'
  },
  {
    name: 'id-forgotten-here',
    file: 'src/store/local.ts',
    find: '      this.#draft.setClientOps(idHash, ops)\n',
    replace: '',
    promise: 'a write that is repeated with its id takes effect once'
  },
  {
    name: 'id-of-others-forgotten',
    file: 'src/store/apply.ts',
    find: "  if (verdict === 'first') draft.addClientOp(mark.idHash, op)\n",
    replace: '',
    promise: 'an id that came from another node is known here too'
  },
  {
    name: 'overwritten-bit-not-kept',
    file: 'src/store/cells.ts',
    find: 'if (this.#overwritten.get(identity) !== true) this.#newlyOverwritten.add(identity)',
    replace: '',
    promise: 'of one id on two sides of a partition, a copy that comes late does not come back'
  },
  {
    name: 'late-copy-not-demoted',
    file: 'src/store/cells.ts',
    find: 'if (this.#overwritten.get(own.identity!) === true) own.demoted = true',
    replace: '',
    promise: 'one id takes effect once, in whatever order its copies arrive'
  },
  {
    name: 'demoted-ranks-equal',
    file: 'src/merge/pick.ts',
    find: 'const ranked = upright.length > 0 ? upright : all',
    replace: 'const ranked = all',
    promise: 'a copy whose other was overwritten ranks below every version without that'
  },
  {
    name: 'tie-by-arrival',
    file: 'src/merge/strategy.ts',
    find: '    compareText(a.author, b.author) ||\n    compareText(a.epoch, b.epoch) ||\n',
    replace: '',
    promise: 'the order of versions is total and the same everywhere'
  },
  {
    name: 'own-heads-kept',
    file: 'src/store/plan.ts',
    find: '  if (isOwn(origin, open)) return true\n',
    replace: '  if (isOwn(origin, open)) return false\n',
    promise: 'a write overwrites what its writer saw'
  },
  {
    name: 'cover-forgets-its-signature',
    file: 'src/store/covers.ts',
    find: 'return goesOn && next.signature !== undefined ? { ...batch, signature: next.signature } : batch',
    replace: 'return batch',
    promise: 'what is applied here can be proved to others',
    tests: ['test/store/runs.test.ts']
  },
  {
    name: 'refill-takes-the-cover-of-another',
    file: 'src/store/refill.ts',
    find: 'if (isEnd) covers.set(hole, cover)',
    replace: 'covers.set(hole, cover)',
    promise: 'what comes back changes one record of the log',
    tests: ['test/store/refill.test.ts']
  },
  {
    name: 'new-keys-not-listed',
    file: 'src/store/key-filter.ts',
    find: 'keys: [...open.keys, ...made] }',
    replace: 'keys: open.keys }',
    promise: 'a key that has a cell is never taken for a new one'
  },
  {
    name: 'filter-without-the-end-of-the-log',
    file: 'src/store/key-filter-loader.ts',
    find: '    while (position < state.mark.position) {',
    replace: '    while (position < 0) {',
    promise: 'a key that has a cell is never taken for a new one'
  },
  {
    name: 'lists-of-another-log',
    file: 'src/store/key-lists.ts',
    find: '(await checkAt(end.mark.position)) === end.mark.check',
    replace: "(await checkAt(end.mark.position)) !== ''",
    promise: 'lists of keys hold for the log that they were made of',
    tests: ['test/store/key-filter.test.ts']
  },
  {
    name: 'keys-made-while-the-filter-was',
    file: 'src/store/key-filter.ts',
    find: '      return () => this.#take(made)',
    replace: '      return () => (open === undefined ? undefined : this.#take(made))',
    promise: 'a key that has a cell is never taken for a new one',
    tests: ['test/store/key-filter.test.ts']
  }
]
