/** Planted bugs in what a node delivers to, when, and what it shows of it. */
import type { Mutant } from './mutant.js'

export const HOSTING_MUTANTS: readonly Mutant[] = [
  {
    name: 'target-paths-as-texts',
    file: 'src/delivery/allowed-targets.ts',
    find: 'base.origin === url.origin && path.startsWith(base.path)',
    replace: 'base.origin === url.origin && path.startsWith(base.path.slice(0, -1))',
    promise: 'nothing outside of the URLs is ever called',
    tests: ['test/delivery/allowed-targets.test.ts']
  },
  {
    name: 'target-path-decoded-once',
    file: 'src/delivery/allowed-targets.ts',
    find: 'const decodings = 8',
    replace: 'const decodings = 1',
    promise: 'nothing outside of the URLs is ever called, whatever decodes on the way',
    tests: ['test/delivery/allowed-targets.test.ts']
  },
  {
    name: 'redirects-followed',
    file: 'src/delivery/http-transport.ts',
    find: "redirect: 'manual'",
    replace: "redirect: 'follow'",
    promise: 'nothing outside of the URLs is ever called, whatever a server answers',
    tests: ['test/network/delivery.test.ts']
  },
  {
    name: 'taken-under-other-urls-sent',
    file: 'src/node/delivery/host.ts',
    find: 'originOf(target) === origin && targets.allows(target)',
    replace: 'originOf(target) === origin',
    promise: 'what may not be delivered now waits, and is not given up',
    tests: ['test/network/delivery.test.ts']
  },
  {
    name: 'failed-send-no-reason-to-look',
    file: 'src/node/delivery/reachability.ts',
    find: "      server.state = 'unknown'\n      server.look",
    replace: '      server.look',
    promise: 'a server that goes away costs one attempt',
    tests: ['test/node/delivery-reachability.test.ts']
  },
  {
    name: 'only-first-waiting-looked-through',
    file: 'src/delivery/reads.ts',
    find: 'if (accepted.length >= limit || seqs.length < count)',
    replace: 'if (accepted.length >= limit || seqs.length <= count)',
    promise: 'what may not be sent now holds up nobody',
    tests: ['test/delivery/accepts.test.ts']
  },
  {
    name: 'page-ends-at-a-drop',
    file: 'src/node/delivery/desk.ts',
    find: "if (!isNatterError(error, 'NOT_FOUND')) throw error",
    replace: 'throw error',
    promise: 'a list shows what is there, whatever is dropped while it is read',
    tests: ['test/node/delivery-desk.test.ts']
  },
  {
    name: 'reasons-without-nobody-sends',
    file: 'src/delivery/why-not-sent.ts',
    find: 'if (sender === undefined) {',
    replace: 'if (sender === undefined && nowMs < 0) {',
    promise: 'show says why an operation is not sent now',
    tests: ['test/delivery/why-not-sent.test.ts']
  }
]
