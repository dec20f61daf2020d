/**
 * Conflicts, as pure functions: which of the concurrent versions of a key a read shows.
 * Keeps: every strategy is a function of the set of versions alone, so replicas that hold the same heads agree.
 */
export * from './pick.js'
export * from './strategy.js'
export * from './value-order.js'
