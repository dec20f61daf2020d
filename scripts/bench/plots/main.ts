/**
 * `npm run bench:plots`: draws what `scripts/bench/results/*.jsonl` hold as SVG beside them. Of each figure the newest is
 * drawn. A picture whose lines are not there yet is left out, and said so.
 */
import { writeFileSync } from 'node:fs'
import { drawBudgets } from './budgets.js'
import { drawGrowth } from './growth.js'
import { drawPeers } from './peers.js'
import { FOLDER, natterLines, peerLines } from './results.js'

const pictures = {
  budgets: () => drawBudgets(natterLines()),
  growth: () => drawGrowth(natterLines()),
  peers: () => drawPeers(peerLines())
}

for (const [name, draw] of Object.entries(pictures)) {
  const path = `${FOLDER}/${name}.svg`
  const picture = draw()
  if (picture === undefined) {
    console.error(`${path}: no lines for it yet`)
    continue
  }
  writeFileSync(path, picture.toString())
  console.log(path)
}
