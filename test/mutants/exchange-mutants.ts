/** Planted bugs of the exchange between nodes: positions, acknowledgements, wants, windows, and the life of the engine. */
import type { Mutant } from './mutant.js'

export const EXCHANGE_MUTANTS: readonly Mutant[] = [
  // Positions and acknowledgements
  {
    name: 'cursor-before-ack',
    file: 'src/replication/receiving.ts',
    find: '  let mark = stream.ackDue\n',
    replace: `  let mark = stream.ackDue
  for (const { mark: told } of stream.shown) if (told !== undefined) setTheirs(turn, stream, told)
`,
    promise: 'a cursor moves only after the ack that it stands for'
  },
  {
    name: 'ack-past-a-parked-batch',
    file: 'src/replication/receiving.ts',
    find: 'if (first.mark === undefined || first.unread || first.open.size > 0) break',
    replace: 'if (first.mark === undefined || first.unread) break',
    promise: 'a position is acknowledged when everything shown up to it is applied and durable'
  },
  {
    name: 'nothing-pending-means-acked',
    file: 'src/replication/showing.ts',
    find: '    !stream.unplaced &&\n    stream.account.acked >= stream.told\n',
    replace: '    !stream.unplaced\n',
    promise: 'a peer has what it acknowledged, not what it was sent'
  },
  {
    name: 'position-before-the-heads',
    file: 'src/replication/showing.ts',
    find: '  if (stream.pending.size === 0 && !stream.unplaced) {',
    replace: '  if (!stream.unplaced) {',
    promise: 'a position is told only with everything that stands up to it'
  },
  {
    name: 'gossip-taken-as-shown',
    file: 'src/replication/step.ts',
    find: '      resubmit(turn, { stream: null, from: event.from,',
    replace: `      for (const { id } of event.batches) state.byPeer.get(event.from)?.implied.add(shortId(id))
      resubmit(turn, { stream: null, from: event.from,`,
    promise: 'gossip shows nothing of whoever forwards it'
  },
  {
    name: 'cursor-not-checked',
    file: 'src/engine/inbound.ts',
    find: '  return (await store.checkAt(cursor.position)) === cursor.check',
    replace: '  return (await store.checkAt(cursor.position)) !== undefined',
    promise: 'a cursor into a log that was rolled back is void',
    tests: ['test/engine/cursor.test.ts']
  },
  {
    name: 'cursor-believed-unseen',
    file: 'src/replication/accounts.ts',
    find: 'return cursorValid ? (hello.cursor?.position ?? 0) : 0',
    replace: 'return Math.min(hello.cursor?.position ?? 0, sent.mark.position)',
    promise: 'a cursor of another life of this store means nothing'
  },
  {
    name: 'ack-never-lowered',
    file: 'src/replication/accounts.ts',
    find: '  if (position === account.acked) return\n',
    replace: '  if (position <= account.acked) return\n',
    promise: 'what a peer lost with its disk counts as not acknowledged again'
  },
  {
    name: 'stale-peer-believed-about-own-log',
    file: 'src/replication/accounts.ts',
    find: '  if (end.id === held.id) return true\n',
    replace: '  if (end.id !== tip.id || held.seq > 0) return true\n',
    promise: 'a receipt counts a node that has the write, not one that has something of its author'
  },
  {
    name: 'own-log-not-fetched',
    file: 'src/replication/wants.ts',
    find: '  if (isHere(state, tip.id)) return\n',
    replace: '  if (isHere(state, tip.id) || tip.author === state.init.author) return\n',
    promise: 'what peers hold of a restored node comes back to it'
  },

  // What is wanted
  {
    name: 'parked-never-woken',
    file: 'src/replication/step.ts',
    find: '    for (const group of state.parking.wake(id)) resubmit(turn, { ...group, batches: batchesOf(group) })\n',
    replace: '',
    promise: 'what waited for a batch is applied when that came'
  },
  {
    name: 'dropped-never-asked-again',
    file: 'src/replication/wants.ts',
    find: '  if (!shownBySomebody(state, tip.id)) return\n',
    replace: '  if (tip.seq > 0) return\n',
    promise: 'a parked body is a cache: what found no room is asked for again'
  },
  {
    name: 'asked-only-once',
    file: 'src/replication/wants.ts',
    find: '(askedAtMs !== undefined && now - askedAtMs < ask.repeatMs) continue',
    replace: '(askedAtMs !== undefined) continue',
    promise: 'what did not come is asked for again'
  },
  {
    name: 'reach-back-forgotten',
    file: 'src/replication/handlers/err.ts',
    find: 'if (tip !== undefined && !holeHasNoCommon(turn, stream, tip)) reachBack(turn, stream, tip)',
    replace: 'if (tip !== undefined) holeHasNoCommon(turn, stream, tip)',
    promise: 'two nodes that know no batch of an author in common find one'
  },
  {
    name: 'overtaken-verdict-kept',
    file: 'src/replication/results.ts',
    find: '(state.recent.get(id) ?? 0) > since))',
    replace: '(state.recent.get(id) ?? 0) < 0))',
    promise: 'a batch whose predecessor was committed meanwhile is not held back for ever'
  },
  {
    name: 'heads-told-again',
    file: 'src/replication/showing.ts',
    find: "if (stream.phase === 'ready' && stream.told < turn.state.mark.position) flushHeads(turn, stream)",
    replace: "if (stream.phase === 'ready') flushHeads(turn, stream)",
    promise: 'what is known to the peer is not told again'
  },

  // Bounds
  {
    name: 'window-ignored',
    file: 'src/engine/channel.ts',
    find: '(this.#waiting.length > 0 || (credit > 0 && this.#window <= 0))',
    replace: '(this.#waiting.length > 0 || (credit > 0 && this.#window <= -1e9))',
    promise: 'data goes out only as far as the window of the peer goes',
    tests: ['test/engine/channel.test.ts']
  },
  {
    name: 'credit-not-returned',
    file: 'src/replication/receiving.ts',
    find: 'stream.owed < turn.state.init.limits.windowBytes / 4',
    replace: 'stream.owed < turn.state.init.limits.windowBytes * 4',
    promise: 'a window that was used up opens again'
  },
  {
    name: 'parked-bytes-unbounded',
    file: 'src/replication/parked.ts',
    find: '() => this.bytes(group.from) + bytes - parkedBytesPerPeer,',
    replace: '() => 0,',
    promise: 'memory per peer is bounded',
    tests: ['test/replication/waiting.test.ts']
  },
  {
    name: 'parked-batches-unbounded',
    file: 'src/replication/parked.ts',
    find: 'if (count > this.#limits.parkedBatchesPerAuthor) return false',
    replace: '',
    promise: 'memory per author is bounded'
  },

  // Signatures
  {
    name: 'signatures-of-runs-unchecked',
    file: 'src/wire/check-run.ts',
    find: 'if (item.signature !== undefined && !(await checkSignature(item, crypto))) {',
    replace: 'if (item.signature?.length === 0 && !(await checkSignature(item, crypto))) {',
    promise: 'nobody writes in the name of another'
  },
  {
    name: 'signatures-of-gossip-unchecked',
    file: 'src/engine/gossip.ts',
    find: "    if (!(await checkSignature(batch, crypto))) return 'reject'\n",
    replace: '',
    promise: 'nobody writes in the name of another'
  },

  // Life
  {
    name: 'not-resumed-after-a-fence',
    file: 'src/engine/engine.ts',
    find: "        else if (state === 'open') this.#followMending()\n",
    replace: '',
    promise: 'a node whose disk takes writes again takes part again'
  },
  {
    name: 'serves-while-fenced',
    file: 'src/engine/engine.ts',
    find: "        if (state === 'fenced') this.#suspend('the disk takes no writes')\n",
    replace: "        if (state === 'fenced') return\n",
    promise: 'one life of the state machine ends with a fence: the next begins with what is durable',
    tests: ['test/engine/fence.test.ts']
  },
  {
    name: 'timer-left-behind',
    file: 'src/engine/loop.ts',
    find: '    this.#ended = true\n    this.#timer?.cancel()\n',
    replace: '    this.#ended = true\n',
    promise: 'a stopped node leaves nothing behind'
  },
  {
    name: 'iterator-left-open',
    file: 'src/store/runs.ts',
    find: '    } finally {\n      await iterator.close()\n    }\n',
    replace: '    } finally {\n    }\n',
    promise: 'a read gives back what it took of the disk'
  },
  {
    name: 'strangers-believed',
    file: 'src/net/presence-exchange.ts',
    find: '    if (!this.#isOurs) return\n    const { table, crypto, clock } = this.#components',
    replace: '    const { table, crypto, clock } = this.#components',
    promise: 'nothing is taken from a node of another network',
    tests: ['test/hostile/others.test.ts']
  },
  {
    name: 'writes-never-gathered',
    file: 'src/replication/showing.ts',
    find: 'if (!begun || now >= pushedAtMs + gatheredMs) return false',
    replace: 'return false',
    promise: 'what is written faster than it is acknowledged costs the peer one commit for several',
    tests: ['test/replication/pushing.test.ts']
  }
]
