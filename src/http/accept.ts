/** Which of the offered content types a client wants most, by its `Accept` header (RFC 9110, 12.5.1). */

/** The offer with the highest quality; the first of equals, and the first offer of all when none is acceptable. */
export function preferred(accept: string | undefined, offers: readonly string[]): string {
  const ranges = (accept ?? '*/*').split(',').map(readRange)
  let best = offers[0]!
  let bestQuality = 0
  for (const offer of offers) {
    const quality = qualityOf(offer, ranges)
    if (quality > bestQuality) {
      best = offer
      bestQuality = quality
    }
  }
  return best
}

interface Range {
  readonly type: string
  readonly quality: number
}

function readRange(text: string): Range {
  const [type = '', ...parameters] = text.split(';').map(part => part.trim().toLowerCase())
  const quality = parameters.find(part => part.startsWith('q='))?.slice(2)
  const number = quality === undefined ? 1 : Number(quality)
  return { type, quality: number >= 0 && number <= 1 ? number : 0 }
}

/** The most specific range that fits decides. */
function qualityOf(offer: string, ranges: readonly Range[]): number {
  const family = `${offer.slice(0, offer.indexOf('/'))}/*`
  for (const type of [offer, family, '*/*']) {
    const range = ranges.find(candidate => candidate.type === type)
    if (range !== undefined) return range.quality
  }
  return 0
}
