/** Events of the history as lines of the trace. What the log of the engine tells already is left out. */
import type { HistoryEvent } from './history.js'

export function lineOf(event: HistoryEvent): string | undefined {
  switch (event.type) {
    case 'invoke': {
      const { op, call } = event
      if (call.kind !== 'write')
        return `call ${op}: ${call.kind}${call.kind === 'read' ? ` ${text(call.key)}` : ''}`
      const { ops, id, conditions } = call.write
      const what = ops.map(({ kind, key, value }) => `${kind === 2 ? 'del ' : ''}${text(key)}${shown(value)}`)
      const named = id === undefined ? '' : ` id ${id}`
      return `call ${op}: write ${what.join(' ')}${named}${conditions === undefined ? '' : ' if'}`
    }
    case 'ok': {
      const { op, answer } = event
      if (answer.kind === 'scan') return `call ${op}: ${answer.found.length} keys`
      if (answer.kind === 'read') return `call ${op}: ${answer.cell?.heads.length ?? 0} versions`
      const { batch, position, repeated } = answer.committed
      return `call ${op}: ${repeated ? 'repeated, ' : ''}batch ${batch.slice(0, 8)} at ${position}`
    }
    case 'fail':
    case 'indeterminate':
      return `call ${event.op}: ${event.code}`
    case 'commit': {
      const names = event.notice.applied.map(
        ({ batch, mark, local }) => `${mark.position}=${batch.id.slice(0, 8)}${local ? '!' : ''}`
      )
      return `commit ${names.join(' ')}`
    }
    case 'apply': {
      const names = event.results.map(({ batch, status }) => `${batch.id.slice(0, 8)} ${status}`)
      return `apply ${names.join(', ')}`
    }
    case 'life':
      return `${event.what.toUpperCase()} ${event.detail ?? ''}, life ${event.life}`
    case 'disk':
      return `disk: ${event.what} ${event.code ?? ''}${event.key === undefined ? '' : ` ${text(event.key)}`}`
    case 'receipt':
      return `receipt of ${event.peer.slice(0, 8)} for ${event.tip.epoch}.${event.tip.seq}`
    case 'notice':
      return `${event.what}: ${JSON.stringify(event.event)}`
    case 'penalty':
      return `blames ${event.peer.slice(0, 8)}: ${event.reason}`
    case 'heard':
      return `gossip ${event.batch?.id.slice(0, 8) ?? 'unread'}`
    default:
      return undefined
  }
}

function text(bytes: Uint8Array): string {
  let line = ''
  for (const byte of bytes) line += byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${byte}`
  return line
}

function shown(value: Uint8Array | undefined): string {
  return value === undefined ? '' : `=${text(value.subarray(0, 8))}`
}
