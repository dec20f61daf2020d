/** natter: the library. `createNode` makes a running peer; `ReplicatedLevel` is its database without a network. */
import './polyfills.js'

export type { ErrorCode, ErrorRow } from './base/errors.js'
export { ERRORS } from './base/errors.js'
export type { Limits } from './base/limits.js'
export { DEFAULT_LIMITS } from './base/limits.js'
export { isNatterError, NatterError } from './base/natter-error.js'
export type * from './base/node-face.js'
export type * from './base/shapes.js'
export type { Strategy } from './merge/index.js'
export type { NatterNode, NodeOptions } from './node.js'
export { createNode } from './node.js'
export { ReplicatedLevel } from './store/replicated-level.js'
