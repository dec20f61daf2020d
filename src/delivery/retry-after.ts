/** The header `Retry-After` (RFC 9110, section 10.2.3): a number of seconds, or an HTTP-date. */

/** IMF-fixdate, and the two obsolete forms that a recipient has to take as well. */
const DATES = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]+, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/
] as const

/** Milliseconds to wait from `nowMs`; undefined when the header is absent, malformed or of the past. */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  const text = header?.trim() ?? ''
  const waitMs = /^\d{1,10}$/.test(text) ? Number(text) * 1000 : dateOf(text) - nowMs
  return waitMs > 0 ? waitMs : undefined
}

/** Milliseconds since the Unix epoch, or NaN. */
function dateOf(text: string): number {
  const form = DATES.findIndex(pattern => pattern.test(text))
  if (form < 0) return Number.NaN
  // The asctime form names no zone, and means GMT.
  return Date.parse(form === 2 ? `${text} GMT` : text)
}
