/** Values between the command line and the API: JSON where the text parses as JSON, a string where it does not. */
import type { Readable } from 'node:stream'
import { NatterError } from '../base/index.js'

/** The JSON text for VALUE. What parses is passed on as typed, so that the node judges exactly what was given. */
export function jsonOfArgument(text: string, asString: boolean): string {
  if (asString) return JSON.stringify(text)
  try {
    JSON.parse(text)
    return text
  } catch {
    return JSON.stringify(text)
  }
}

/** VALUE as given, or all of stdin for `-`, less the line break at its end that shells put there. */
export async function readValue(value: string, signal: AbortSignal): Promise<string> {
  if (value !== '-') return value
  const chunks: Buffer[] = []
  for await (const chunk of interruptible(process.stdin, signal)) chunks.push(chunk)
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks))
    return text.replace(/\r?\n$/, '')
  } catch (cause) {
    throw new NatterError('INVALID_VALUE', 'the value on stdin is not UTF-8', {
      cause,
      remedy: 'Store bytes as text, for example in base64: base64 FILE | natter put KEY - --string'
    })
  }
}

/** The chunks of a stream until it ends or `signal` fires, whose reason is then thrown. */
export async function* interruptible(stream: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  const stop = () => stream.destroy(signal.reason instanceof Error ? signal.reason : undefined)
  signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const chunk of stream) yield Buffer.from(chunk as Uint8Array)
    signal.throwIfAborted()
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** A value as a person reads it: texts as they are, everything else as JSON. */
export function showValue(value: unknown, indent = 2): string {
  return typeof value === 'string' ? value : (JSON.stringify(value, null, indent) ?? '')
}

/** A value on one line. */
export function inlineValue(value: unknown, base64?: string): string {
  return base64 === undefined ? JSON.stringify(value) : `base64:${base64}`
}
