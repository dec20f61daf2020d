/** The log as a user of the library reads it: every record in arrival order. */
import type { LogRecord, Signal } from '../base/index.js'
import { formatOpId, kindName } from '../log/index.js'
import type { Store } from '../store/index.js'
import { decodeValue, keyText, timeText } from './values.js'
import { throwIfAborted } from './wait.js'

export interface Wal {
  /** Calls `visit` with every record above the position `from`, in arrival order. */
  replay(range: { from?: number } & Signal, visit: (record: LogRecord) => void | Promise<void>): Promise<void>
}

export function walOf(store: Store): Wal {
  return {
    async replay(range, visit) {
      for await (const op of store.replay(range.from ?? 0)) {
        throwIfAborted(range.signal)
        const record: LogRecord = {
          position: op.position,
          opId: formatOpId(op.name),
          kind: kindName(op.kind),
          key: keyText(op.key),
          at: timeText(op.time)
        }
        await visit(op.value === undefined ? record : { ...record, value: decodeValue(op.value).value })
      }
    }
  }
}
