/**
 * The numbers that this store gives to authors, so that a record names one in a byte or two in place of 32.
 * A number is taken in memory when an author first appears and written with the commit that first uses it.
 */
import type { Hashes } from '../base/index.js'
import type { DiskWrite } from '../disk/index.js'
import type { Author } from '../log/index.js'
import { authorOf } from '../log/index.js'
import { authorKey, putHex, readUint } from './keys.js'
import { damaged, readRecord, writeRecord } from './records.js'

export interface AuthorNames {
  /** Throws `STORE_DAMAGED` for a number that was never given. */
  nameOf(number: number): Author
}

export class AuthorTable implements AuthorNames {
  readonly #names: Author[] = []
  readonly #numbers = new Map<Author, number>()
  #durable = 0

  get size(): number {
    return this.#names.length
  }

  nameOf(number: number): Author {
    const name = this.#names[number]
    if (name === undefined) throw damaged(`the table of authors`, new Error(`it has no number ${number}`))
    return name
  }

  numberOf(name: Author): number | undefined {
    return this.#numbers.get(name)
  }

  /** The number of an author, a new one if it has none. */
  intern(name: Author): number {
    let number = this.#numbers.get(name)
    if (number === undefined) {
      number = this.#names.push(name) - 1
      this.#numbers.set(name, number)
    }
    return number
  }

  /** Puts the authors that are not on disk yet into a commit; call what it answers when that is durable. */
  writeTo(write: DiskWrite, hashes: Hashes): () => void {
    const upTo = this.#names.length
    for (let number = this.#durable; number < upTo; number++) {
      const name = new Uint8Array(32)
      putHex(name, 0, this.#names[number]!)
      const key = authorKey(number)
      write.put(
        key,
        writeRecord(key, hashes, writer => writer.bytes(name))
      )
    }
    return () => {
      this.#durable = upTo
    }
  }

  /** Takes in a record from disk; they come in the order of numbers. */
  load(key: Uint8Array, value: Uint8Array, hashes: Hashes): void {
    const number = readUint(key, 1, 4)
    const name = readRecord(key, value, hashes, `author ${number}`, reader => authorOf(reader.bytes(32)))
    if (number !== this.#names.length)
      throw damaged('the table of authors', new Error(`no number ${number - 1}`))
    this.intern(name)
    this.#durable = this.#names.length
  }
}
