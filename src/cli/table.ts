/** Aligned tables for people: columns as wide as they need, the flexible ones shortened to fit the terminal. */

export interface Column {
  title: string
  /** Aligned at the right, for numbers. */
  right?: boolean
  /** May be cut with … when the line is too long for the terminal. */
  flexible?: boolean
}

/** Characters of a line where the terminal does not say. */
const DEFAULT_WIDTH = 100
/** Characters that a shortened column keeps. */
const SHORTEST = 12
const GAP = '  '

/** Lines without a line break at the end. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = process.stdout.columns ?? DEFAULT_WIDTH
): string {
  const widths = columns.map((column, i) =>
    Math.max(column.title.length, ...rows.map(row => row[i]?.length ?? 0))
  )
  let over = widths.reduce((sum, one) => sum + one + GAP.length, -GAP.length) - width
  for (const [i, column] of columns.entries()) {
    if (over <= 0 || column.flexible !== true) continue
    const cut = Math.min(over, Math.max(0, widths[i]! - SHORTEST))
    widths[i]! -= cut
    over -= cut
  }
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => {
        const text = cell.length > widths[i]! ? `${cell.slice(0, widths[i]! - 1)}…` : cell
        return columns[i]!.right === true ? text.padStart(widths[i]!) : text.padEnd(widths[i]!)
      })
      .join(GAP)
      .trimEnd()
  return [columns.map(column => column.title), ...rows].map(line).join('\n')
}

/** Names at the left, values at the right. */
export function sheet(pairs: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length))
  return pairs.map(([name, value]) => `${name.padEnd(width)}${GAP}${value}`.trimEnd()).join('\n')
}

/** `1.5 MB`; powers of 1000, as disks and networks count. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  while (bytes >= 1000 && unit < units.length - 1) {
    bytes /= 1000
    unit++
  }
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${units[unit]}`
}

/** Enough of a peer id to tell peers apart, and accepted as PEER: all Ed25519 ids begin with the same 8 characters. */
export function shortPeer(peer: string): string {
  return peer.startsWith('12D3KooW') ? peer.slice(0, 16) : peer
}
