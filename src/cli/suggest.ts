/** The name that somebody may have meant. */

/** The name nearest to `typed` by edits, or undefined when none is near. */
export function nearest(typed: string, names: readonly string[]): string | undefined {
  const bound = Math.max(1, Math.floor(typed.length / 3))
  let best: string | undefined
  let bestEdits = bound + 1
  for (const name of names) {
    const edits = editsBetween(typed.toLowerCase(), name.toLowerCase())
    if (edits < bestEdits) [best, bestEdits] = [name, edits]
  }
  return best
}

/** Levenshtein distance. */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
