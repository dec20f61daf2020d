/**
 * What a decoder promises whatever the bytes: it returns, or throws the error of its type and no other, in little time;
 * what it accepts can be written again and read as the same; and where the format has one form only, as the same bytes.
 */
import assert from 'node:assert/strict'
import type { ErrorCode } from '../../src/base/index.js'
import { isNatterError, toHex } from '../../src/base/index.js'

export interface Target {
  /** Names the folder of its corpus. */
  readonly name: string
  /** Well-formed inputs to begin with. */
  readonly seeds: readonly Uint8Array[]
  /** Whether inputs are texts in UTF-8. @default false */
  readonly text?: boolean
  /** How often it is tried, beside others. @default 1 */
  readonly weight?: number
  /** Makes a mutant pass what only an attacker who knows the format passes, such as a checksum. Half of them get it. */
  readonly mend?: (bytes: Uint8Array) => Uint8Array
  /**
   * Reads the bytes and checks what it got; answers what kind of input it was, for the list of what was reached. Throws
   * what `refuses` knows where the bytes are refused, and anything else where a promise is broken.
   */
  readonly read: (bytes: Uint8Array) => string | Promise<string>
  /** Whether this is how the decoder refuses. */
  readonly refuses: (error: unknown) => boolean
}

export const byRange = (error: unknown): boolean => error instanceof RangeError
export const byType = (error: unknown): boolean => error instanceof TypeError

export function byCode(...codes: readonly ErrorCode[]): (error: unknown) => boolean {
  return error => codes.some(code => isNatterError(error, code))
}

/** A broken promise; never taken for a refusal. */
export class Broken extends Error {}

/** What was accepted has exactly one form. */
export function sameBytes(again: Uint8Array, bytes: Uint8Array): void {
  if (again.length === bytes.length && again.every((byte, i) => byte === bytes[i])) return
  throw new Broken(`written again it is other bytes: ${toHex(again)}`)
}

/** Written and read again it says the same. */
export function sameMeaning(again: unknown, first: unknown): void {
  try {
    assert.deepEqual(again, first)
  } catch (error) {
    throw new Broken(`read again it says something else: ${String(error).slice(0, 2000)}`)
  }
}

export function holds(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Broken(what)
}

/** Encodes what a decoder accepted: a refusal here is a broken promise. */
export function again<T>(run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw new Broken(`what was accepted cannot be written or read again: ${String(error)}`, { cause: error })
  }
}
