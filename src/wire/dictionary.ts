/**
 * What both ends of one direction of a stream remember: the authors by number, and the last batch of the authors that
 * RUN frames carried most recently. Both are functions of the frames so far, so the two ends always agree.
 */
import { fromHex, PROTOCOL } from '../base/index.js'
import type { Author, BatchHeader, BatchId } from '../log/index.js'
import { authorField, malformed } from './frame.js'

/** The sending end. Between `begin` and `take` stands one frame. */
export class AuthorNumbers {
  readonly #numbers = new Map<Author, number>()
  #named: Uint8Array[] = []
  #fresh = false

  /** Starts a frame. A dictionary that this frame might overfill begins anew. */
  begin(): void {
    this.#named = []
    this.#fresh = this.#numbers.size + PROTOCOL.frameAuthors > PROTOCOL.streamAuthors
    if (this.#fresh) this.#numbers.clear()
  }

  /** The number of an author; the first mention adds its key to the frame. */
  of(author: Author): number {
    let number = this.#numbers.get(author)
    if (number === undefined) {
      number = this.#numbers.size
      this.#numbers.set(author, number)
      this.#named.push(fromHex(author))
    }
    return number
  }

  /** The fields of the frame that is ended: what its receiver adds before it reads the rest. */
  take(): { fresh: boolean; authors: Uint8Array[] } {
    return { fresh: this.#fresh, authors: this.#named }
  }
}

/** The receiving end. */
export class AuthorNames {
  #authors: Author[] = []

  add(frame: { readonly fresh: boolean; readonly authors: readonly Uint8Array[] }): void {
    if (frame.fresh) this.#authors = []
    if (this.#authors.length + frame.authors.length > PROTOCOL.streamAuthors) {
      throw malformed(`more than ${PROTOCOL.streamAuthors} authors on one stream`)
    }
    for (const key of frame.authors) this.#authors.push(authorField(key))
  }

  at(number: number): Author {
    const author = this.#authors[number]
    if (author === undefined) throw malformed(`author ${number} of ${this.#authors.length}`)
    return author
  }
}

/** The last batch or bare header of an author that a stream carried. */
export interface ChainEnd {
  readonly header: BatchHeader
  readonly id: BatchId
}

/** The ends of the chains of the `PROTOCOL.streamChains` authors that were carried last. */
export class ChainEnds {
  readonly #ends = new Map<Author, ChainEnd>()

  of(author: Author): ChainEnd | undefined {
    return this.#ends.get(author)
  }

  set(end: ChainEnd): void {
    const { author } = end.header
    // Deleted first, so that the order of the map is the order of use.
    this.#ends.delete(author)
    this.#ends.set(author, { header: end.header, id: end.id })
    if (this.#ends.size > PROTOCOL.streamChains) this.#ends.delete(this.#ends.keys().next().value!)
  }

  forget(author: Author): void {
    this.#ends.delete(author)
  }
}
