/**
 * `settings.json`: what a node was told once and keeps, such as its network, its key and the ports it got. Holds a
 * secret, so it is readable by its owner only. Fields that this version does not know are kept as they are. A checksum
 * keeps a damaged name from being taken for another, or for none: without its key a private network would be open.
 */
import { NatterError } from '../base/index.js'
import { readIfThere, replaceFile } from './files.js'
import { summedText, withoutSum } from './summed-json.js'

export interface Settings {
  /** Name of the network. */
  readonly network?: string
  /** Name of the node. */
  readonly name?: string
  /** Pre-shared key of the network, 64 hex digits. */
  readonly psk?: string
  /** Multiaddrs that are dialled, also those of an invite. */
  readonly bootstrap?: readonly string[]
  /** Peer ids that may connect. */
  readonly allow?: readonly string[]
  /** Anybody may connect. */
  readonly open?: boolean
  /** Ports that a 0 got, tried first at the next start. */
  readonly ports?: Readonly<Record<string, number>>
}

/** New values by name; `undefined` takes one away. */
export type SettingsUpdate = { readonly [K in keyof Settings]?: Settings[K] | undefined }

const text = (value: unknown): boolean => typeof value === 'string'
const texts = (value: unknown): boolean => Array.isArray(value) && value.every(text)

const shapes: Record<keyof Settings, (value: unknown) => boolean> = {
  network: text,
  name: text,
  psk: value => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value),
  bootstrap: texts,
  allow: texts,
  open: value => typeof value === 'boolean',
  ports: value =>
    typeof value === 'object' && value !== null && Object.values(value).every(port => Number.isInteger(port))
}

export class SettingsFile {
  readonly #path: string
  #fields: Record<string, unknown>
  #written: Promise<void> = Promise.resolve()

  private constructor(path: string, fields: Record<string, unknown>) {
    this.#path = path
    this.#fields = fields
  }

  /** Reads the file; none is an empty one. `DIRECTORY_UNUSABLE` with the field that is malformed. */
  static async open(path: string): Promise<SettingsFile> {
    const bytes = await readIfThere(path)
    if (bytes === undefined) return new SettingsFile(path, {})
    let value: unknown
    try {
      value = JSON.parse(new TextDecoder().decode(bytes))
    } catch (cause) {
      throw unusable(path, 'it is not JSON', cause)
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw unusable(path, 'it is no object')
    const fields = withoutSum(value)
    if (fields === undefined) {
      throw unusable(
        path,
        'its checksum does not fit: it was damaged, or changed by hand without taking "sum" out'
      )
    }
    for (const [name, fits] of Object.entries(shapes)) {
      if (name in fields && !fits(fields[name])) throw unusable(path, `"${name}" is malformed`)
    }
    return new SettingsFile(path, fields)
  }

  get(): Settings {
    return this.#fields as Settings
  }

  /** Resolves when the new values are on disk; the file is replaced as a whole. */
  update(update: SettingsUpdate): Promise<void> {
    const before = this.#fields
    const fields: Record<string, unknown> = { ...before, ...update }
    for (const name of Object.keys(fields)) {
      if (fields[name] === undefined) delete fields[name]
      else if (name in shapes && !shapes[name as keyof Settings](fields[name])) {
        throw new TypeError(`settings: ${name} is malformed`)
      }
    }
    this.#fields = fields
    this.#written = this.#written
      .catch(() => undefined)
      .then(() => replaceFile(this.#path, summedText(fields)))
      .catch(error => {
        if (this.#fields === fields) this.#fields = before
        throw error
      })
    return this.#written
  }
}

function unusable(path: string, what: string, cause?: unknown): NatterError {
  return new NatterError('DIRECTORY_UNUSABLE', `${path} cannot be used: ${what}`, {
    remedy: `Correct ${path}, or restore it from a backup.`,
    ...(cause !== undefined && { cause })
  })
}
