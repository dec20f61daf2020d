/** What every other part stands on: bytes, limits, errors, and the ports for time, randomness and cryptography. */
export * from './bytes.js'
export * from './errors.js'
export * from './limits.js'
export * from './natter-error.js'
export type * from './node-face.js'
export * from './ports.js'
export * from './rate.js'
export type * from './shapes.js'
