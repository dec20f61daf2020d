/** Bugs of the delivery outbox: what makes an operation be lost, sent too early, or sent again. */
import type { Mutant } from './mutant.js'

const simulated = ['test/simulation/delivery.test.ts']

export const DELIVERY_MUTANTS: readonly Mutant[] = [
  {
    name: 'delivery-told-before-durable',
    file: 'src/delivery/ledger.ts',
    find: '      await disk.commit(write)\n',
    replace: '      disk.commit(write).catch(() => undefined)\n',
    promise: 'nothing is sent before its claim is on disk, and nothing is told before it is',
    tests: simulated
  },
  {
    name: 'delivery-owner-not-taken-over',
    file: 'src/delivery/pump.ts',
    find: '    await this.#takeOver(time())\n',
    replace: '',
    promise: 'what an owner that died had claimed is sent by another',
    tests: simulated
  },
  {
    name: 'delivery-end-not-kept',
    file: 'src/delivery/pump.ts',
    find: '        this.#unsettled.push(ended)\n',
    replace: '        ledger.reserved.delete(seq)\n',
    promise: 'an operation that was sent is not sent again because the disk did not take its end',
    tests: ['test/delivery/engine.test.ts']
  },
  {
    name: 'delivery-memory-outlives-a-fence',
    file: 'src/delivery/ledger.ts',
    find: 'init.disk.onReopen(() => this.#load())',
    replace: 'init.disk.onReopen(() => Promise.resolve())',
    promise: 'after a fence nothing is decided by what memory held before',
    tests: ['test/delivery/engine.test.ts']
  },
  {
    name: 'delivery-target-out-of-order',
    file: 'src/delivery/queue.ts',
    find: '      this.#set({ ...record, tail: seq })\n      return\n',
    replace: '      this.#set({ ...record, tail: seq })\n      this.#offer(seq, seq)\n      return\n',
    promise: 'operations of a target are sent in the order of their enqueueing, one at a time',
    tests: simulated
  },
  {
    name: 'delivery-end-of-another-attempt',
    file: 'src/delivery/transitions.ts',
    find: '(end.attempt !== undefined && end.attempt !== attempt)',
    replace: 'end.attempt === 0',
    promise: 'an attempt that was taken over does not end the one that came after it',
    tests: ['test/delivery/outbox.test.ts']
  }
]
