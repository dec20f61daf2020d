/** One planted bug: a change of one place in one source file of the product. */
export interface Mutant {
  readonly name: string
  /** Source file, from the root of the repository. */
  readonly file: string
  /** The text that is replaced, exactly, spaces too. It stands once in the file. */
  readonly find: string
  readonly replace: string
  /** What the change breaks. */
  readonly promise: string
  /** Test files that have to fail, where the simulator does not run this code or cannot make its case. */
  readonly tests?: readonly string[]
}
