/** Bursts of I/O errors from each call on: recovery itself runs into them. */
import { test } from 'node:test'
import { failEachCall } from '../store/io-errors.js'
import { inFastFolder } from '../support/folders.js'

for (const burst of [2, 3, 5, 8, 13]) {
  for (const made of [false, true]) {
    const how = made ? 'writes are made all the same' : 'nothing is made'
    test(`${burst} I/O errors in a row from any call on, while ${how}, lose and double nothing`, () =>
      inFastFolder(async folder => {
        await failEachCall(folder, { burst, made })
      }))
  }
}
