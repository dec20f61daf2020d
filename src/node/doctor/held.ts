/** What waits here: wants that nobody answers, parked batches, formats that are not known, batches that can never be applied. */
import type { Tip } from '../../log/index.js'
import { peerIdOf } from '../../log/index.js'
import type { Check, Patient } from './check.js'
import { called, counted, ok, onNetwork, size, span, warn, withCases } from './check.js'

/** A want that is open for so long will not be answered by waiting. */
const longMs = 60_000
/** Wants, and names of each list, that are asked for. */
const most = 64

export const heldChecks: readonly Check[] = [
  {
    name: 'wants',
    needs: 'network',
    look(patient) {
      const { wanted, wants } = waitingOf(patient)
      const { node } = onNetwork(patient)
      const long = wants.filter(({ openMs }) => openMs >= longMs)
      const details = {
        open: wanted,
        long: long.map(({ tip, openMs, shownBy, holdsUp }) => ({
          ...tipFields(tip),
          openMs,
          shownBy: shownBy.map(peerIdOf),
          holdsUp
        }))
      }
      if (long.length === 0) {
        return ok(
          wanted === 0 ? 'nothing is asked for' : `${counted(wanted, 'batch', 'batches')} asked for lately`,
          details
        )
      }
      const cases = long.map(({ tip, openMs, shownBy, holdsUp }) => {
        const from =
          shownBy.length === 0 ? 'nobody connected' : shownBy.map(peer => called(peer, node.book)).join(', ')
        const held = holdsUp === 0 ? '' : `; holds up ${counted(holdsUp, 'batch', 'batches')}`
        return `${batchName(tip)} for ${span(openMs)}, of ${from}${held}`
      })
      return warn(
        withCases(`${counted(long.length, 'batch', 'batches')} that peers have shown do not come`, cases),
        `Start a node that has it: its author ${called(long[0]!.tip.author, node.book)}, or one that was connected to it.`,
        details
      )
    }
  },
  {
    name: 'parked',
    needs: 'network',
    look(patient) {
      const { parked } = waitingOf(patient)
      const { node } = onNetwork(patient)
      const { batches, bytes, oldestMs, from, by, missing } = parked
      const held = (list: typeof by) =>
        list.map(({ author, ...rest }) => ({ peer: peerIdOf(author), ...rest }))
      const details = {
        batches,
        bytes,
        oldestMs,
        from: held(from),
        by: held(by),
        missing: missing.map(tipFields)
      }
      if (batches === 0) return ok('no batch waits for another one', details)
      const sentence = `held back until others come: ${counted(batches, 'batch', 'batches')} (${size(bytes)}), the oldest for ${span(oldestMs)}`
      if (oldestMs < longMs) return ok(sentence, details)
      const cases = [
        ...by.map(
          ({ author, batches: count }) =>
            `${counted(count, 'batch', 'batches')} written by ${called(author, node.book)}`
        ),
        ...from.map(
          ({ author, batches: count }) =>
            `${counted(count, 'batch', 'batches')} brought by ${called(author, node.book)}`
        ),
        ...missing.map(tip => `missing: ${batchName(tip)}`)
      ]
      return warn(
        withCases(sentence, cases),
        'What they wait for is nowhere that this node reaches: start the author of the missing one. They hold up no other author.',
        details
      )
    }
  },
  {
    name: 'formats',
    needs: 'network',
    look(patient) {
      const { newer } = waitingOf(patient)
      const { node } = onNetwork(patient)
      const details = {
        newer: newer.map(({ peer, authors }) => ({ peer: peerIdOf(peer), authors: authors.map(peerIdOf) }))
      }
      if (newer.length === 0) return ok('every batch that came is of a format that is known here', details)
      return warn(
        withCases(
          'batches of a newer format are held back: nothing of these authors is applied beyond them',
          newer.map(
            ({ peer, authors }) =>
              `${called(peer, node.book)} has some by ${authors.map(author => called(author, node.book)).join(', ')}`
          )
        ),
        'Run the newer natter here as well; it fetches them by itself.',
        details
      )
    }
  },
  {
    name: 'impossible',
    needs: 'network',
    look(patient) {
      const { impossible } = waitingOf(patient)
      const { node } = onNetwork(patient)
      const details = { peers: impossible.map(({ peer, reason }) => ({ peer: peerIdOf(peer), reason })) }
      if (impossible.length === 0) return ok('no peer shows a batch that can never be applied', details)
      return warn(
        withCases(
          'a peer shows what can never be applied',
          impossible.map(({ peer, reason }) => `${called(peer, node.book)} ${reason}`)
        ),
        `Its author is broken or lies. Keep it out with: natter block ${peerIdOf(impossible[0]!.peer)}`,
        details
      )
    }
  }
]

function waitingOf(patient: Patient) {
  return onNetwork(patient).here.engine.health(most).waiting
}

function tipFields({ author, epoch, seq, id }: Tip): Record<string, unknown> {
  return { author: peerIdOf(author), epoch, seq, batch: id }
}

/** As an op id names it, without the op. */
function batchName({ author, epoch, seq, id }: Tip): string {
  return `${peerIdOf(author)}.${epoch}.${seq}~${id.slice(0, 8)}`
}
