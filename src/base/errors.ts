/**
 * The one table of error codes: HTTP status, exit code, whether trying again can help, and the remedy.
 *
 * A code is stable; its message is free text. `natter-error.ts` throws them. Programming mistakes (an option of the wrong
 * type, an unknown option) are `TypeError`s without a code. The README prints this table and a test holds the two together.
 */

export interface ErrorRow {
  /** Status of the HTTP answer. */
  readonly status: number
  /** Exit code of the command line. */
  readonly exit: number
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean
  /** Short title, the same for every occurrence. */
  readonly title: string
  /** What to do next. */
  readonly remedy?: string
}

const row = (status: number, exit: number, retryable: boolean, title: string, remedy?: string): ErrorRow =>
  remedy === undefined ? { status, exit, retryable, title } : { status, exit, retryable, title, remedy }

export const ERRORS = {
  // What a caller asked for
  INVALID_ARGUMENT: row(400, 2, false, 'An argument is missing or malformed'),
  INVALID_JSON: row(400, 2, false, 'The body is not JSON', 'Send a JSON body, for example {"value": 1}.'),
  INVALID_KEY: row(400, 2, false, 'The key cannot be used'),
  INVALID_VALUE: row(400, 2, false, 'The value cannot be stored', 'Any JSON value but null can be stored.'),
  INVALID_OP_ID: row(
    400,
    2,
    false,
    'Not an op id',
    'An op id looks like 12D3Koo….0123456789abcdef.1.0, as answered by a write.'
  ),
  INVALID_CURSOR: row(
    400,
    2,
    false,
    'Not a cursor',
    'Use a cursor as an answer of this node gave it, or start, or now.'
  ),
  INVALID_MULTIADDR: row(
    400,
    2,
    false,
    'Not a multiaddr',
    'A multiaddr looks like /ip4/192.168.1.7/tcp/4001/p2p/12D3Koo….'
  ),
  INVALID_INVITE: row(
    400,
    2,
    false,
    'Not an invite',
    'Copy the whole line that `natter invite` printed; it begins with natter1:.'
  ),
  INVALID_RECORD: row(
    400,
    1,
    false,
    'A record of the input is malformed',
    'Correct that line and import the file again: what is there already is written once more with the same result.'
  ),
  UNKNOWN_PARAMETER: row(400, 2, false, 'Unknown query parameter'),
  KEY_TOO_LARGE: row(413, 2, false, 'The key is too large', 'Keys take up to 8 KiB.'),
  VALUE_TOO_LARGE: row(
    413,
    2,
    false,
    'The value is too large',
    'Split the value, or raise limits.valueBytes on this node.'
  ),
  BODY_TOO_LARGE: row(413, 2, false, 'The request body is too large', 'Send smaller requests.'),
  BATCH_TOO_LARGE: row(
    413,
    2,
    false,
    'The batch is over the limits of the format',
    'Write several batches: one takes up to 65,536 ops and 8 MiB.'
  ),
  UNSUPPORTED_MEDIA_TYPE: row(
    415,
    2,
    false,
    'The content type is not JSON',
    'Send the header Content-Type: application/json.'
  ),
  NOT_FOUND: row(404, 4, false, 'Not found'),
  ROUTE_NOT_FOUND: row(
    404,
    4,
    false,
    'No such route',
    'GET / lists the routes. A key is one percent-encoded segment: cart/42 is /kv/cart%2F42.'
  ),
  METHOD_NOT_ALLOWED: row(405, 2, false, 'The route does not take this method', 'GET / lists the routes.'),
  UNKNOWN_PEER: row(404, 4, false, 'No such peer', 'List the known peers with: natter peers'),
  AMBIGUOUS_PEER: row(
    409,
    2,
    false,
    'More than one peer fits',
    'Give more of the peer id; list the known peers with: natter peers'
  ),
  AMBIGUOUS_OP_ID: row(
    409,
    2,
    false,
    'The op id fits more than one op',
    'Add ~ and the first 8 hex digits of the batch id, as natter history prints it.'
  ),
  PRECONDITION_FAILED: row(
    412,
    6,
    false,
    'The precondition does not hold',
    'Read the key again and decide on what it is now.'
  ),
  ID_REUSED: row(
    409,
    6,
    false,
    'The id was used for another write',
    'Use a new id for a new write; repeat an id only with the same content.'
  ),
  PAYLOAD_TOO_LARGE: row(
    413,
    2,
    false,
    'The payload of the operation is too large',
    'Payloads take up to 1 MiB: put the data elsewhere and send where it is, or split it.'
  ),
  OPERATION_NOT_HELD: row(
    409,
    6,
    false,
    'The operation is not in flight for this owner and attempt',
    'Claim it first; one that took longer than inflightTimeoutMs was given to somebody else.'
  ),
  OPERATION_IN_FLIGHT: row(
    409,
    6,
    false,
    'The operation is being sent',
    'Wait for the end of the attempt; after inflightTimeoutMs it is taken away from an owner that died.'
  ),
  OPERATION_DONE: row(
    409,
    6,
    false,
    'The operation is done',
    'It is never sent again: enqueue a new one under another id.'
  ),
  CURSOR_FOREIGN: row(
    409,
    2,
    false,
    'The cursor is of another node',
    'Start again with since=start: cursors are positions of one node.'
  ),
  CURSOR_GONE: row(410, 4, false, 'The cursor is not in this log', 'Start again with since=start.'),
  FROM_IS_A_PEER: row(
    403,
    7,
    false,
    "from is a libp2p peer's id",
    'Choose another name for the program that sends: a peer speaks for itself over /sync/ops.'
  ),
  TARGET_NOT_ALLOWED: row(
    403,
    7,
    false,
    'The node does not deliver to this target',
    'Allow it where the node is started: natter up --deliver-to URL'
  ),
  // Who may call
  UNAUTHORIZED: row(
    401,
    7,
    false,
    'The token is missing or wrong',
    'Pass the token file: --token-file F, or the header Authorization: Bearer.'
  ),
  HOST_NOT_ALLOWED: row(
    403,
    7,
    false,
    'The Host header names no allowed host',
    'Use localhost or an IP address, or start the node with --allow-host NAME.'
  ),
  ORIGIN_NOT_ALLOWED: row(403, 7, false, 'Requests of other web sites are refused'),
  // Joining and identity
  NETWORK_MISMATCH: row(
    409,
    7,
    false,
    'The directory belongs to another network',
    'Use another directory, or leave --network out: the directory knows its network.'
  ),
  NOBODY_MAY_JOIN: row(
    400,
    7,
    false,
    'Listening beyond loopback with nothing that says who may join',
    'Say who, by --join, --psk FILE, --allow PEER or --open; or start without --listen and run: natter invite'
  ),
  PEERS_WITHOUT_KEY: row(
    409,
    7,
    false,
    'This node has peers without a key',
    'Stop those peers and forget them (natter forget PEER), or start all nodes with one key: natter up --psk FILE'
  ),
  PEER_REFUSED: row(
    403,
    7,
    false,
    'The peer refused the connection',
    'Ask for an invite there (natter invite), or have this peer id allowed; a block here ends with: natter forget PEER'
  ),
  PEER_UNREACHABLE: row(
    502,
    3,
    true,
    'The peer cannot be reached',
    'Check the address and that the peer runs.'
  ),
  IDENTITY_DAMAGED: row(
    500,
    7,
    false,
    'The key file of the directory cannot be used',
    'Restore identity.key from a backup; a new key would be another author.'
  ),
  // Storage
  DIRECTORY_IN_USE: row(
    409,
    7,
    false,
    'Another process has the directory open',
    'Stop the other process, or use another directory.'
  ),
  DIRECTORY_UNUSABLE: row(
    500,
    1,
    false,
    'The directory cannot be read or written',
    'Check that it exists, its owner and mode, and that its file system is not read-only.'
  ),
  FORMAT_UNKNOWN: row(
    500,
    7,
    false,
    'The directory was written by a newer natter',
    'Use the newer natter again: an older one does not guess.'
  ),
  STORE_DAMAGED: row(
    500,
    8,
    false,
    'Stored data is damaged',
    'Run natter verify; then restore the directory or let the node fetch again from its peers.'
  ),
  STORE_FENCED: row(
    503,
    1,
    true,
    'The write was not made: the store waits for its disk',
    'Try again; reads go on. The node resumes by itself when the disk takes writes.'
  ),
  STORE_CLOSED: row(503, 1, false, 'The store is closed'),
  INDETERMINATE: row(
    503,
    1,
    true,
    'The write may or may not have been made',
    'Repeat it with the same Idempotency-Key (--id): it takes effect once.'
  ),
  DISK_FULL: row(
    507,
    1,
    true,
    'The disk is nearly full',
    'Free space on the disk; the node resumes by itself.'
  ),
  UNREADABLE: row(500, 8, false, 'The cell cannot be read'),
  // Life of a node
  NOT_READY: row(
    503,
    1,
    true,
    'The node is starting or stopping',
    'Try again in a moment; a stopped one starts with: natter up'
  ),
  BEHIND: row(
    503,
    5,
    true,
    'The node is behind what was asked',
    'See who is there and what they lack: natter peers'
  ),
  PORT_IN_USE: row(
    500,
    1,
    false,
    'The port is in use',
    'Stop the program that has it, or choose another: natter up --http 0   (or --listen /ip4/127.0.0.1/tcp/0)'
  ),
  TOO_FEW_FILES: row(
    503,
    1,
    true,
    'The process may open too few files',
    'Allow it more and start it again: ulimit -n 4096'
  ),
  NODE_UNREACHABLE: row(
    503,
    3,
    true,
    'No node answers',
    'Start one with: natter up   (or name another with --api URL)'
  ),
  TARGET_NOT_REACHED: row(
    202,
    5,
    true,
    'The target was not reached in time',
    'The write itself is safe. See how far it is with: natter receipt ID'
  ),
  TIMEOUT: row(504, 5, true, 'The deadline passed'),
  PAUSED: row(409, 1, false, 'The node has left the network', 'Come back with: natter resume'),
  ABORTED: row(499, 130, false, 'The call was given up'),
  INTERNAL: row(500, 1, false, 'A fault in natter', 'Please report it with the log of the node (-v).'),
  // Between nodes
  PROTOCOL_ERROR: row(502, 1, false, 'The peer broke the protocol')
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof ERRORS
