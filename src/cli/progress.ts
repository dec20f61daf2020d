/** A progress bar: one line on the terminal that is rewritten in place, and gone at the end. */

const BAR_WIDTH = 24
/** Milliseconds between two redraws: smooth to the eye, nothing to the machine. */
const REDRAW_MS = 100

export class Progress {
  readonly #shown: boolean
  readonly #total: number | undefined
  #drawnAtMs = 0

  /** `total`: of the same unit as `done`, or undefined when it is not known. */
  constructor(shown: boolean, total: number | undefined) {
    this.#shown = shown
    this.#total = total
  }

  update(done: number, text: string): void {
    const nowMs = performance.now()
    if (!this.#shown || nowMs - this.#drawnAtMs < REDRAW_MS) return
    this.#drawnAtMs = nowMs
    process.stderr.write(`\r${this.#bar(done)}${text}\u001b[K`)
  }

  clear(): void {
    if (this.#shown && this.#drawnAtMs > 0) process.stderr.write('\r\u001b[K')
  }

  #bar(done: number): string {
    if (this.#total === undefined || this.#total === 0) return ''
    const share = Math.min(1, done / this.#total)
    const filled = Math.round(share * BAR_WIDTH)
    return `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}] ${String(Math.floor(share * 100)).padStart(3)} %  `
  }
}
