/** How rates, times and memory change with the ops in the database: one panel a figure, both axes logarithmic. */
import type { Point } from '../growth.js'
import { exponentOf } from '../growth.js'
import { formatSize } from '../harness.js'
import type { Figure } from '../line.js'
import { Drawing, FAINT, INK, LogAxis, short } from './drawing.js'
import type { Kept } from './results.js'
import { sourceOf } from './results.js'

const PANELS: readonly { figure: Figure; title: string }[] = [
  { figure: 'put', title: 'awaited puts, ops/s' },
  { figure: 'live', title: 'A→B live in batches, ops/s' },
  { figure: 'catch-up', title: 'catching up, ops/s' },
  { figure: 'open', title: 'open to the first read, ms' },
  { figure: 'memory', title: 'idle memory, MB' },
  { figure: 'disk', title: 'disk, B per op' }
]
const OURS = '#1f5fa8'
const BARE = '#999999'
const BAD = '#c0392b'
const COLUMNS = 3
const CELL = { width: 350, height: 270 }
const PLOT = { left: 62, top: 50, width: 262, height: 165 }
const TOP = 56

export function drawGrowth(lines: readonly Kept[]): Drawing | undefined {
  const panels = PANELS.map(panel => {
    const about = lines.filter(line => line.figure === panel.figure)
    return {
      ...panel,
      points: about.filter(({ unit }) => unit !== 'exponent'),
      defect: about.some(line => line.defect === true)
    }
  }).filter(({ points }) => points.length > 1)
  if (panels.length === 0) return undefined
  const rows = Math.ceil(panels.length / COLUMNS)
  const drawing = new Drawing(COLUMNS * CELL.width, TOP + rows * CELL.height + 20)
  drawing.text(16, 26, 'Growth with the ops in the database', { size: 18, bold: true })
  drawing.text(16, 46, 'natter', { color: OURS, bold: true })
  drawing.text(64, 46, 'bare limit', { color: BARE, bold: true })
  for (const [i, panel] of panels.entries()) {
    const x = (i % COLUMNS) * CELL.width
    drawPanel(drawing, x, TOP + Math.floor(i / COLUMNS) * CELL.height, panel)
  }
  drawing.text(16, drawing.height - 10, sourceOf(panels.flatMap(({ points }) => points)), {
    size: 11,
    color: '#666666'
  })
  return drawing
}

function drawPanel(
  drawing: Drawing,
  x: number,
  y: number,
  { title, points, defect }: { title: string; points: readonly Kept[]; defect: boolean }
): void {
  const [left, top] = [x + PLOT.left, y + PLOT.top]
  const [right, bottom] = [left + PLOT.width, top + PLOT.height]
  const sorted = [...points].sort((a, b) => a.size! - b.size!)
  const values = sorted.flatMap(({ value, bare }) => (bare === undefined ? [value] : [value, bare]))
  const xs = LogAxis.around(
    sorted.map(({ size }) => size!),
    left,
    right
  )
  const ys = LogAxis.around(values, bottom, top)
  drawing.text(left, y + 26, title, { bold: true })
  for (const tick of ys.ticks()) {
    drawing.line(left, ys.at(tick), right, ys.at(tick), FAINT)
    drawing.text(left - 8, ys.at(tick) + 4, short(tick), { size: 11, anchor: 'end' })
  }
  for (const tick of xs.ticks()) {
    drawing.line(xs.at(tick), top, xs.at(tick), bottom, FAINT)
    drawing.text(xs.at(tick), bottom + 16, formatSize(tick), { size: 11, anchor: 'middle' })
  }
  drawing.line(left, bottom, right, bottom, INK)
  const ours = sorted.map(({ size, value }) => ({ size: size!, value }))
  const bare = sorted.flatMap(({ size, bare }) => (bare === undefined ? [] : [{ size: size!, value: bare }]))
  for (const [series, color] of [
    [bare, BARE],
    [ours, OURS]
  ] as const) {
    if (series.length < 2) continue
    drawing.path(
      series.map(({ size, value }) => [xs.at(size), ys.at(value)] as const),
      color
    )
    for (const { size, value } of series) drawing.dot(xs.at(size), ys.at(value), 4, color)
  }
  drawing.text(right, y + 26, growthText(ours), { anchor: 'end', color: defect ? BAD : OURS, bold: true })
  if (bare.length > 1) {
    drawing.text(right, y + 41, growthText(bare), { size: 11, anchor: 'end', color: BARE })
  }
}

function growthText(points: readonly Point[]): string {
  return `n^${exponentOf(points).toFixed(3)}`
}
