/** Parsers of what people and programs hand in: invites, keys, addresses, and everything of an HTTP request. */
import { base64url } from 'multiformats/bases/base64'
import { nodeCrypto } from '../../../src/base/crypto-node.js'
import { ByteWriter, fromUtf8, utf8 } from '../../../src/base/index.js'
import { preferred } from '../../../src/http/accept.js'
import { Fields, parseJson } from '../../../src/http/body.js'
import { refusal } from '../../../src/http/guard.js'
import {
  flagParam,
  integerParam,
  parseDuration,
  parseQuery,
  textParam
} from '../../../src/http/parameters.js'
import { compareValues, parseJson as jsonOf } from '../../../src/merge/index.js'
import { parseAddress, tryAddress } from '../../../src/net/address.js'
import { formatInvite, parseInvite, parsePsk, swarmKeyText } from '../../../src/net/index.js'
import { decodeValue, encodeKey, keyText } from '../../../src/node/values.js'
import type { Target } from '../target.js'
import { again, byCode, holds, sameMeaning } from '../target.js'

const decoder = new TextDecoder()
const PEER = '12D3KooWJWEKvSFbben74C7H4YtKjhPMTDxd7gP7zxWSUEeF27st'

const invited = { network: 'shop', psk: new Uint8Array(32).fill(7), addrs: ['/ip4/10.0.0.1/tcp/4001'] }
const PREFIX = 'natter1:'

const invite: Target = {
  name: 'invite',
  text: true,
  seeds: [utf8(formatInvite(invited)), utf8(formatInvite({ ...invited, addrs: [] }))],
  refuses: byCode('INVALID_INVITE'),
  /** Mutates what stands in the line instead of the line, and gives it the checksum that fits. */
  mend(bytes) {
    const body = bytes.subarray(0, 300)
    const line = new ByteWriter(body.length + 4).bytes(body).u32(nodeCrypto.crc32(body)).finish()
    return utf8(PREFIX + base64url.baseEncode(line))
  },
  read(bytes) {
    const read = parseInvite(decoder.decode(bytes))
    sameMeaning(
      again(() => parseInvite(formatInvite(read))),
      read
    )
    return `${Math.min(3, read.addrs.length)} addresses`
  }
}

const psk: Target = {
  name: 'psk',
  text: true,
  seeds: [utf8('ab'.repeat(32)), utf8(swarmKeyText(new Uint8Array(32).fill(9))), new Uint8Array(32)],
  refuses: byCode('INVALID_ARGUMENT'),
  read(bytes) {
    const key = parsePsk(bytes)
    holds(key.length === 32, 'a key has 32 bytes')
    sameMeaning([...again(() => parsePsk(swarmKeyText(key)))], [...key])
    return 'a key'
  }
}

const address: Target = {
  name: 'address',
  text: true,
  seeds: [
    '/ip4/127.0.0.1/tcp/4001',
    `/dns4/example.org/tcp/443/wss/p2p/${PEER}`,
    `/ip6/::1/tcp/1/p2p/${PEER}/p2p-circuit/p2p/${PEER}`,
    '/ip6zone/eth0/ip6/fe80::1/tcp/0',
    '/unix/tmp/x/tcp/1'
  ].map(utf8),
  refuses: byCode('INVALID_MULTIADDR'),
  read(bytes) {
    const text = decoder.decode(bytes)
    const read = parseAddress(text)
    const second = again(() => parseAddress(read.text))
    holds(
      second.text === read.text && second.author === read.author,
      'an address that changes when it is read'
    )
    holds(tryAddress(text) !== undefined, 'an address for one reader and none for the other')
    return read.author === undefined ? 'an address' : 'an address of a peer'
  }
}

const query = {
  prefix: textParam(''),
  limit: integerParam('', 1, 1000),
  reverse: flagParam(''),
  wait: { schema: {}, description: '', parse: parseDuration, fallback: 0 }
}

const httpQuery: Target = {
  name: 'http-query',
  text: true,
  seeds: [
    'prefix=a%2Fb&limit=10&reverse',
    'wait=5s&reverse=false',
    'wait=1.5m',
    'limit=1000&prefix=%F0%9F%98%80'
  ].map(utf8),
  refuses: byCode('UNKNOWN_PARAMETER', 'INVALID_ARGUMENT'),
  read(bytes) {
    const values = parseQuery(decoder.decode(bytes), query)
    const limit = values['limit'] as number | undefined
    holds(limit === undefined || (Number.isInteger(limit) && limit >= 1 && limit <= 1000), 'limit')
    const wait = values['wait'] as number
    holds(Number.isInteger(wait) && wait >= 0 && wait <= 3_600_000, 'wait')
    holds(Object.keys(values).length === 4, 'a parameter that nobody knows')
    return Object.values(values)
      .map(value => typeof value)
      .join(' ')
  }
}

const httpJson: Target = {
  name: 'http-json',
  text: true,
  seeds: [
    '{"value":{"a":[1,2.5,null,"\\u00e9"]}}',
    '{"ops":[{"type":"put","key":"a","value":1},{"type":"del","key":"b"}],"ack":"all"}',
    `{"value":${'['.repeat(250)}${']'.repeat(250)}}`,
    '{"__proto__":{"x":1},"constructor":1,"value":9007199254740993}',
    '{"value":"\\ud800"}'
  ].map(utf8),
  refuses: byCode('INVALID_JSON', 'INVALID_ARGUMENT'),
  read(bytes) {
    const fields = Fields.of(parseJson(bytes), ['value', 'ops', 'ack'])
    holds(({} as Record<string, unknown>)['x'] === undefined, 'a body changed the prototype of objects')
    for (const name of ['__proto__', 'constructor', 'toString'])
      holds(!fields.has(name), `a field ${name} that is not known was taken`)
    return ['value', 'ops', 'ack'].map(name => typeof fields.get(name)).join(' ')
  }
}

/** Host, origin, target and content type, one a line. */
const httpGuard: Target = {
  name: 'http-guard',
  text: true,
  seeds: [
    'localhost:7070\n\n/kv/a\napplication/json',
    '[::1]:80\nhttp://[::1]:80\n/\napplication/vnd.api+json; charset=utf-8',
    'evil.example\nnull\nhttp://localhost/kv/a\ntext/plain',
    '127.0.0.1\nhttp://127.0.0.1.evil.example\n/\n'
  ].map(utf8),
  refuses: () => false,
  read(bytes) {
    const [host = '', origin = '', url = '', type = ''] = decoder.decode(bytes).split('\n')
    const request = {
      method: 'POST',
      url,
      headersDistinct: { host: [host] },
      headers: { host, ...(origin !== '' && { origin }), 'content-type': type }
    }
    const guard = { allowHosts: new Set(['node.example']), token: undefined }
    const error = refusal(request as unknown as Parameters<typeof refusal>[0], guard)
    if (error !== undefined) return error.code
    const name = host.replace(/:[0-9]{1,5}$/, '').toLowerCase()
    const literal = /^(\d{1,3}\.){3}\d{1,3}$/.test(name) || /^\[[0-9a-f:.]+\]$/.test(name)
    holds(name === 'localhost' || name === 'node.example' || literal, `the host ${host} was let in`)
    holds(origin === '' || /^https?:\/\//i.test(origin), `the origin ${origin} was let in`)
    holds(/^application\/([a-z0-9.-]+\+)?json/i.test(type), `the content type ${type} was let in`)
    return 'let in'
  }
}

const offers = ['application/json', 'text/event-stream', 'application/x-ndjson']
const httpAccept: Target = {
  name: 'http-accept',
  text: true,
  seeds: ['text/html, application/x-ndjson;q=0.5', '*/*;q=0', 'text/*;q=0.9,application/json;q=1'].map(utf8),
  refuses: () => false,
  read(bytes) {
    const chosen = preferred(decoder.decode(bytes), offers)
    holds(offers.includes(chosen), 'a type that was not offered')
    return chosen
  }
}

/** Bytes that a peer stored under a key, or as one, are shown whatever they are. */
const value: Target = {
  name: 'value',
  text: true,
  seeds: ['{"a":1}', '"text"', '1e999', 'no json', 'null', '[1,2]'].map(utf8),
  refuses: () => false,
  read(bytes) {
    const shown = decodeValue(bytes)
    holds(typeof JSON.stringify(shown) === 'string', 'a value that cannot be shown')
    const text = keyText(bytes)
    holds(text.isWellFormed(), 'a key that cannot be shown')
    if (bytes.length > 0 && bytes.length <= 8192) again(() => encodeKey(text.slice(0, 2000)))
    const half = bytes.subarray(0, bytes.length >> 1)
    holds(
      Math.sign(compareValues(bytes, half)) === -Math.sign(compareValues(half, bytes)),
      'values without an order'
    )
    holds(compareValues(bytes, bytes.slice()) === 0, 'a value beside itself')
    try {
      fromUtf8(bytes)
    } catch {
      return 'no text'
    }
    return jsonOf(bytes) === undefined ? 'no json' : typeof shown.value
  }
}

export const textTargets: readonly Target[] = [
  invite,
  psk,
  address,
  httpQuery,
  httpJson,
  httpGuard,
  httpAccept,
  value
]
