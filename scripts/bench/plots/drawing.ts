/** An SVG picture, written by hand: rectangles, lines, dots, texts, and axes with a logarithmic scale. */

const FONT = 'font-family="Helvetica, Arial, sans-serif"'
export const INK = '#222222'
export const FAINT = '#dddddd'
const BACKGROUND = '#ffffff'

export interface TextStyle {
  size?: number
  anchor?: 'start' | 'middle' | 'end'
  color?: string
  bold?: boolean
}

export class Drawing {
  readonly width: number
  readonly height: number
  readonly #parts: string[] = []
  readonly #patterns = new Map<string, string>()

  constructor(width: number, height: number) {
    this.width = width
    this.height = height
  }

  rect(x: number, y: number, width: number, height: number, fill: string): void {
    this.#parts.push(
      `<rect x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" fill="${fill}"/>`
    )
  }

  line(x1: number, y1: number, x2: number, y2: number, color = INK, width = 1, dashes = ''): void {
    const dashed = dashes === '' ? '' : ` stroke-dasharray="${dashes}"`
    this.#parts.push(
      `<line x1="${n(x1)}" y1="${n(y1)}" x2="${n(x2)}" y2="${n(y2)}" stroke="${color}" stroke-width="${width}"${dashed}/>`
    )
  }

  path(points: readonly (readonly [x: number, y: number])[], color: string, width = 2, dashes = ''): void {
    const dashed = dashes === '' ? '' : ` stroke-dasharray="${dashes}"`
    const list = points.map(([x, y]) => `${n(x)},${n(y)}`).join(' ')
    this.#parts.push(
      `<polyline points="${list}" fill="none" stroke="${color}" stroke-width="${width}"${dashed}/>`
    )
  }

  dot(x: number, y: number, radius: number, fill: string): void {
    this.#parts.push(`<circle cx="${n(x)}" cy="${n(y)}" r="${radius}" fill="${fill}"/>`)
  }

  text(x: number, y: number, text: string, style: TextStyle = {}): void {
    const { size = 12, anchor = 'start', color = INK, bold = false } = style
    const weight = bold ? ' font-weight="bold"' : ''
    this.#parts.push(
      `<text x="${n(x)}" y="${n(y)}" font-size="${size}" text-anchor="${anchor}" fill="${color}"${weight}>${escaped(text)}</text>`
    )
  }

  /** A fill of slanted stripes. */
  striped(color: string): string {
    const id = `stripes-${color.replace('#', '')}`
    this.#patterns.set(
      id,
      `<pattern id="${id}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">` +
        `<rect width="6" height="6" fill="${BACKGROUND}"/><rect width="3" height="6" fill="${color}"/></pattern>`
    )
    return `url(#${id})`
  }

  toString(): string {
    const defs = this.#patterns.size === 0 ? '' : `<defs>${[...this.#patterns.values()].join('')}</defs>\n`
    return (
      `<svg xmlns="http://www.w3.org/2000/svg" width="${n(this.width)}" height="${n(this.height)}" ` +
      `viewBox="0 0 ${n(this.width)} ${n(this.height)}" ${FONT}>\n${defs}` +
      `<rect width="100%" height="100%" fill="${BACKGROUND}"/>\n${this.#parts.join('\n')}\n</svg>\n`
    )
  }
}

function n(value: number): string {
  return String(Math.round(value * 100) / 100)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** A logarithmic axis from one place to another, over whole powers of ten around the values or within given bounds. */
export class LogAxis {
  readonly low: number
  readonly high: number
  readonly #from: number
  readonly #to: number

  constructor(low: number, high: number, from: number, to: number) {
    this.low = low
    this.high = high
    this.#from = from
    this.#to = to
  }

  /** Whole powers of ten around all values. */
  static around(values: readonly number[], from: number, to: number): LogAxis {
    const low = 10 ** Math.floor(Math.log10(Math.min(...values)))
    const high = 10 ** Math.ceil(Math.log10(Math.max(...values)))
    return new LogAxis(low, high > low ? high : low * 10, from, to)
  }

  /** A value outside stands at the end of the axis. */
  at(value: number): number {
    const bounded = Math.min(this.high, Math.max(this.low, value))
    const share = Math.log(bounded / this.low) / Math.log(this.high / this.low)
    return this.#from + share * (this.#to - this.#from)
  }

  /** The powers of ten. */
  ticks(): number[] {
    const ticks: number[] = []
    for (let power = Math.ceil(Math.log10(this.low) - 1e-9); 10 ** power <= this.high * 1.001; power++) {
      ticks.push(10 ** power)
    }
    return ticks
  }
}

/** `1`, `10k`, `1M`. */
export function short(value: number): string {
  const units: readonly [number, string][] = [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k']
  ]
  for (const [size, name] of units) {
    if (value >= size * 0.9995) return `${Number((value / size).toPrecision(3))}${name}`
  }
  return String(Number(value.toPrecision(3)))
}
