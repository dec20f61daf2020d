/**
 * What a command is told beside its arguments, from three places: flags over `NATTER_*` variables over the `--config` file.
 *
 * The names are those of `createNode`, and a few of the command line's own. A variable is the name in upper snake case
 * (`dataDir` is `NATTER_DATA_DIR`), lists are separated by commas. Paths are relative to the working directory.
 */
import { readFileSync } from 'node:fs'
import { messageOf, NatterError } from '../base/index.js'
import type { NodeOptions } from '../node.js'
import { nearest } from './suggest.js'

/** Settings that are the command line's own, beside those of `createNode`. */
interface OwnSettings {
  /** Address of the HTTP API that client commands call. */
  api: string
  /** File with the bearer token. */
  tokenFile: string
  /** Deadline of a client command, as a duration. */
  timeout: string
  /** `[HOST:]PORT` or `off`. */
  http: string
  allowHosts: readonly string[]
  /** File with the pre-shared key. */
  psk: string
}

export type Settings = Partial<Omit<NodeOptions, keyof OwnSettings | 'logger'> & OwnSettings>

type Kind = 'text' | 'texts' | 'boolean' | 'data'

const KINDS: Readonly<Record<keyof Settings, Kind>> = {
  api: 'text',
  tokenFile: 'text',
  timeout: 'text',
  http: 'text',
  allowHosts: 'texts',
  psk: 'text',
  dataDir: 'text',
  network: 'text',
  name: 'text',
  app: 'data',
  capabilities: 'texts',
  deliverTo: 'texts',
  listen: 'texts',
  announce: 'texts',
  bootstrap: 'texts',
  join: 'text',
  allow: 'texts',
  open: 'boolean',
  mdns: 'boolean',
  gossip: 'boolean',
  durability: 'text',
  conflict: 'data',
  sync: 'data',
  breaker: 'data',
  limits: 'data'
}

export const SETTING_NAMES = Object.keys(KINDS)

export function variableOf(name: string): string {
  return `NATTER_${name.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`
}

/** `flags` with what the environment and the file say where they say nothing. */
export function resolveSettings(
  flags: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>
): Settings {
  const file = typeof flags['config'] === 'string' ? flags['config'] : env['NATTER_CONFIG']
  const merged: Record<string, unknown> = file === undefined ? {} : readConfig(file)
  for (const [name, kind] of Object.entries(KINDS)) {
    const variable = variableOf(name)
    const text = env[variable]
    if (text !== undefined && text !== '') merged[name] = parseVariable(variable, text, kind)
    if (flags[name] !== undefined) merged[name] = flags[name]
  }
  return merged as Settings
}

function readConfig(path: string): Record<string, unknown> {
  let config: unknown
  try {
    config = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new NatterError('INVALID_ARGUMENT', `the config file ${path} cannot be used: ${messageOf(cause)}`, {
      cause
    })
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new NatterError('INVALID_ARGUMENT', `the config file ${path} must hold one JSON object`)
  }
  for (const [name, value] of Object.entries(config)) {
    const kind = Object.hasOwn(KINDS, name) ? KINDS[name as keyof Settings] : undefined
    if (kind === undefined) {
      const near = nearest(name, SETTING_NAMES)
      const hint = near === undefined ? '' : ` (did you mean ${near}?)`
      throw new NatterError('INVALID_ARGUMENT', `the config file ${path} has an unknown name: ${name}${hint}`)
    }
    if (!fits(value, kind)) {
      throw new NatterError('INVALID_ARGUMENT', `${name} in the config file ${path} must be ${WANTED[kind]}`)
    }
  }
  return { ...config }
}

const WANTED: Readonly<Record<Kind, string>> = {
  text: 'a text',
  texts: 'a list of texts',
  boolean: 'true or false',
  data: 'a text or an object'
}

function fits(value: unknown, kind: Kind): boolean {
  if (kind === 'text') return typeof value === 'string'
  if (kind === 'texts') return Array.isArray(value) && value.every(one => typeof one === 'string')
  if (kind === 'boolean') return typeof value === 'boolean'
  return typeof value === 'string' || (typeof value === 'object' && value !== null)
}

function parseVariable(variable: string, text: string, kind: Kind): unknown {
  if (kind === 'text') return text
  if (kind === 'texts') {
    return text
      .split(',')
      .map(part => part.trim())
      .filter(part => part !== '')
  }
  if (kind === 'boolean') {
    if (['1', 'true', 'yes'].includes(text.toLowerCase())) return true
    if (['0', 'false', 'no'].includes(text.toLowerCase())) return false
    throw new NatterError('INVALID_ARGUMENT', `${variable} must be true or false, not ${text}`)
  }
  try {
    return JSON.parse(text)
  } catch {
    return text // a plain word, such as the name of a strategy
  }
}
