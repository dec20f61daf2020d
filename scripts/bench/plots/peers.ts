/** Other systems on the same work: one group of bars a figure, on logarithmic axes, each with what its durability is. */
import { Drawing, FAINT, LogAxis, short } from './drawing.js'
import type { PeerLine } from './results.js'
import { sourceOf } from './results.js'

/** What the works are called; one without a name here stands under its own. */
const TITLES: Readonly<Record<string, string>> = {
  put: 'awaited puts, one caller',
  bulk: 'bulk, batches of 1,000',
  live: 'A→B live, batches of 1,000',
  'live-put': 'A→B live, awaited puts',
  'seen-p50': 'one write seen at B, p50',
  'seen-p99': 'one write seen at B, p99',
  'catchup-1e4': 'an empty B catches up 10^4',
  'catchup-1e5': 'an empty B catches up 10^5',
  wire: 'on the wire, catching up',
  delta: '100 entries behind of 10^4',
  'delta-bytes': '100 entries behind of 10^4, on the wire',
  'delta-round': 'of these in frames of /sync/ops',
  'open-1e4': 'open until the first read, 10^4',
  'open-1e5': 'open until the first read, 10^5',
  'disk-1e4': 'disk, 10^4 in batches',
  'disk-1e5': 'disk, 10^5 in batches',
  'disk-single': 'disk, single puts',
  memory: 'memory of the process after the bulk'
}

/** Synced before it is told: full colour. Anything less is striped. */
const SYNCED = 'fsync'
const OURS = '#1f5fa8'
const OTHERS = '#8a8f98'
const COLUMNS = 2
const BAR = 17
const CELL_WIDTH = 560
const LEFT = 190
const VALUE = 70
const HEAD = 50
const TOP = 78

export function drawPeers(lines: readonly PeerLine[]): Drawing | undefined {
  const works = [...new Set(lines.map(line => line.work))]
  if (works.length === 0) return undefined
  const groups = works.map(work => sorted(lines.filter(line => line.work === work)))
  const heights: number[] = []
  for (const [i, group] of groups.entries()) {
    const row = Math.floor(i / COLUMNS)
    heights[row] = Math.max(heights[row] ?? 0, HEAD + group.length * BAR + 26)
  }
  const drawing = new Drawing(COLUMNS * CELL_WIDTH, TOP + heights.reduce((sum, one) => sum + one, 0) + 24)
  drawing.text(16, 26, 'natter and other systems on the same work', { size: 18, bold: true })
  drawing.rect(16, 40, 14, 12, OTHERS)
  drawing.text(36, 50, 'a write is on disk (fsync) when it is told as made')
  drawing.rect(340, 40, 14, 12, drawing.striped(OTHERS))
  drawing.text(360, 50, 'it is with the operating system, or in memory')
  for (const [i, group] of groups.entries()) {
    const row = Math.floor(i / COLUMNS)
    const y = TOP + heights.slice(0, row).reduce((sum, one) => sum + one, 0)
    drawGroup(drawing, (i % COLUMNS) * CELL_WIDTH, y, group)
  }
  drawing.text(16, drawing.height - 10, sourceOf(lines), { size: 11, color: '#666666' })
  return drawing
}

/** The best first. */
function sorted(group: readonly PeerLine[]): PeerLine[] {
  const rising = !group[0]!.unit.endsWith('/s')
  return [...group].sort((a, b) => (rising ? a.value - b.value : b.value - a.value))
}

function drawGroup(drawing: Drawing, x: number, y: number, group: readonly PeerLine[]): void {
  const { work, unit } = group[0]!
  const better = unit.endsWith('/s') ? 'more is better' : 'less is better'
  const [left, right] = [x + LEFT, x + CELL_WIDTH - VALUE]
  const shown = group.filter(({ value }) => value > 0)
  const axis = LogAxis.around(
    shown.map(({ value }) => value),
    left,
    right
  )
  const bottom = y + HEAD + group.length * BAR
  drawing.text(x + 16, y + 18, `${TITLES[work] ?? work}, ${unit}`, { bold: true })
  drawing.text(right, y + 18, better, { size: 11, anchor: 'end', color: '#666666' })
  for (const tick of axis.ticks()) {
    drawing.line(axis.at(tick), y + HEAD - 6, axis.at(tick), bottom, FAINT)
    drawing.text(axis.at(tick), y + HEAD - 11, short(tick), { size: 10, anchor: 'middle', color: '#666666' })
  }
  for (const [i, { system, durability, value }] of group.entries()) {
    const top = y + HEAD + i * BAR
    const ours = system === 'natter'
    const color = ours ? OURS : OTHERS
    drawing.text(left - 8, top + 12, `${system} (${durability})`, { size: 11.5, anchor: 'end', bold: ours })
    const end = value > 0 ? axis.at(value) : left
    drawing.rect(
      left,
      top + 2,
      Math.max(2, end - left),
      BAR - 5,
      durability === SYNCED ? color : drawing.striped(color)
    )
    drawing.text(end + 6, top + 12, short(value), { size: 11, color: ours ? OURS : '#444444' })
  }
}
