/**
 * The log, as pure data: ops, batches, their names and ids, the frontier, the hybrid clock.
 * No clock, randomness, timer, socket or file; hashes come through the port. Implements protocols/batch.md.
 */
export * from './batch.js'
export * from './client-id.js'
export * from './extensions.js'
export * from './frontier.js'
export * from './hybrid-clock.js'
export * from './ids.js'
export * from './merkle.js'
export * from './messages.js'
export * from './op.js'
export * from './state-digest.js'
