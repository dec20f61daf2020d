/** The invite line: what goes in comes out, and no mistyped or cut line is taken for another invite. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { utf8 } from '../../src/base/index.js'
import { formatInvite, parseInvite } from '../../src/net/invite.js'
import { parsePsk, swarmKeyText } from '../../src/net/psk.js'

const content = {
  network: 'shop',
  psk: new Uint8Array(32).map((_, i) => i),
  addrs: [
    '/ip4/192.168.1.7/tcp/4001/p2p/12D3KooWHxWFtns4nGzVF9zZKBcvFbdB5Wt1J7XCCcVm8rRK5Qpd',
    '/dns4/a.example/tcp/1/ws'
  ]
}
const line = formatInvite(content, nodeCrypto)
const INVALID = { code: 'INVALID_INVITE' }

test('what goes in comes out', () => {
  assert.match(line, /^natter1:[A-Za-z0-9_-]+$/)
  assert.deepEqual(parseInvite(line, nodeCrypto), content)
  assert.deepEqual(parseInvite(`  ${line}\n`), content)
  const names = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .filter(name => utf8(name).length <= 128)
  const any = fc.record(
    {
      network: names,
      psk: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      addrs: fc.array(fc.string({ maxLength: 40 }), { maxLength: 16 })
    },
    { noNullPrototype: true }
  )
  fc.assert(fc.property(any, given => assert.deepEqual(parseInvite(formatInvite(given)), given)))
})

test('every single wrong character is noticed', () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  for (let at = 0; at < line.length; at++) {
    for (const character of [alphabet[(at * 7) % 64]!, alphabet[(at * 13 + 5) % 64]!, ' ', '+', 'é']) {
      if (line[at] === character) continue
      assert.throws(() => parseInvite(line.slice(0, at) + character + line.slice(at + 1)), INVALID)
    }
  }
})

test('missing, added and swapped characters are noticed', () => {
  for (let at = 0; at < line.length; at++) {
    assert.throws(() => parseInvite(line.slice(0, at)), INVALID)
    assert.throws(() => parseInvite(line.slice(0, at) + line.slice(at + 1)), INVALID)
    assert.throws(() => parseInvite(`${line.slice(0, at)}A${line.slice(at)}`), INVALID)
    if (at > 0 && line[at] !== line[at - 1]) {
      assert.throws(
        () => parseInvite(line.slice(0, at - 1) + line[at] + line[at - 1] + line.slice(at + 1)),
        INVALID
      )
    }
  }
})

test('other text is no invite', () => {
  fc.assert(fc.property(fc.string(), text => assert.throws(() => parseInvite(text), INVALID)))
  fc.assert(fc.property(fc.string(), text => assert.throws(() => parseInvite(`natter1:${text}`), INVALID)))
  for (const text of ['', 'natter1:', 'natter2:AAAA', line.toLowerCase(), `natter1:${'A'.repeat(10_000)}`]) {
    assert.throws(() => parseInvite(text), INVALID)
  }
})

test('what is over a bound is not made', () => {
  assert.throws(() => formatInvite({ ...content, network: '' }), RangeError)
  assert.throws(() => formatInvite({ ...content, network: 'x'.repeat(129) }), RangeError)
  assert.throws(() => formatInvite({ ...content, psk: new Uint8Array(31) }), RangeError)
  assert.throws(() => formatInvite({ ...content, addrs: Array(17).fill('/ip4/1.2.3.4/tcp/1') }), RangeError)
  assert.throws(() => formatInvite({ ...content, addrs: ['x'.repeat(257)] }), RangeError)
})

test('a key file may hold the swarm key text or the digits', () => {
  const digits = `${'00'.repeat(31)}fF`
  const psk = new Uint8Array(32)
  psk[31] = 255
  assert.deepEqual(parsePsk(digits), psk)
  assert.deepEqual(parsePsk(` ${digits}\n`), psk)
  assert.deepEqual(parsePsk(swarmKeyText(psk)), psk)
  assert.deepEqual(parsePsk(utf8(swarmKeyText(psk).replaceAll('\n', '\r\n'))), psk)
  assert.deepEqual(parsePsk(psk), psk)
  const wrong = [
    '',
    'secret',
    digits.slice(2),
    `${digits}00`,
    `/key/swarm/psk/2.0.0/\n/base16/\n${digits}`,
    `x\ny\n${digits}`
  ]
  for (const text of wrong) assert.throws(() => parsePsk(text), { code: 'INVALID_ARGUMENT' })
  assert.throws(() => parsePsk(new Uint8Array(40).fill(255)), { code: 'INVALID_ARGUMENT' })
  assert.throws(() => swarmKeyText(new Uint8Array(31)), TypeError)
})
