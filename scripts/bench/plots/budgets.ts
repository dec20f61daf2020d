/** Every budget in one picture: how much of it is used, the bare limit beside it. */
import { formatBound, formatValue } from '../line.js'
import { Drawing, FAINT, INK, LogAxis } from './drawing.js'
import type { Kept } from './results.js'
import { sourceOf } from './results.js'

const ROW = 19
const LEFT = 470
const CHART = 300
const RIGHT = 330
const TOP = 76
const GOOD = '#2a7f3f'
const BAD = '#c0392b'

/** 1 at the bound, below it within. */
function used({ value, bare, bound }: Kept): number {
  const factor = bound?.of === 'bare' ? bare! : 1
  return bound?.atMost === undefined ? (bound!.atLeast! * factor) / value : value / (bound.atMost * factor)
}

export function drawBudgets(lines: readonly Kept[]): Drawing | undefined {
  const rows = lines.filter(({ bound, unit }) => bound !== undefined && unit !== 'exponent')
  if (rows.length === 0) return undefined
  const drawing = new Drawing(LEFT + CHART + RIGHT, TOP + rows.length * ROW + 40)
  const axis = new LogAxis(0.01, 10, LEFT, LEFT + CHART)
  const bottom = TOP + rows.length * ROW
  drawing.text(16, 26, 'How much of each budget is used', { size: 18, bold: true })
  drawing.text(16, 46, 'left of the line at 1: within; logarithmic', { color: '#666666' })
  for (const tick of axis.ticks()) {
    const x = axis.at(tick)
    drawing.line(x, TOP - 6, x, bottom, tick === 1 ? INK : FAINT, tick === 1 ? 2 : 1)
    drawing.text(x, TOP - 12, String(tick), { size: 11, anchor: 'middle' })
  }
  for (const [i, row] of rows.entries()) {
    const y = TOP + i * ROW + ROW / 2
    const color = row.ok === true ? GOOD : BAD
    const x = axis.at(used(row))
    drawing.text(LEFT - 12, y + 4, row.what, { size: 11.5, anchor: 'end' })
    drawing.line(LEFT, y, x, y, color, 2)
    drawing.dot(x, y, 4.5, color)
    const bare = row.bare === undefined ? '' : `, bare ${formatValue(row.bare, row.unit)}`
    const says = `${formatValue(row.value, row.unit)} (${formatBound(row)}${bare})`
    drawing.text(LEFT + CHART + 12, y + 4, says, { size: 11.5, color })
  }
  drawing.text(16, bottom + 28, sourceOf(rows), { size: 11, color: '#666666' })
  return drawing
}
