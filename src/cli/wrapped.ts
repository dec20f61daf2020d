/** Text broken into lines that fit the terminal, behind an indent. */

/** Characters of a line where the terminal does not say. */
const DEFAULT_WIDTH = 100
/** Characters that a line has left at least, however narrow the terminal. */
const LEAST = 30

/** `first` and `rest` stand behind the indent, before the first line and the others. */
export function wrapped(
  text: string,
  indent: string,
  first = '',
  rest = first,
  width = process.stdout.columns ?? DEFAULT_WIDTH
): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const room = Math.max(LEAST, width - indent.length - (lines.length === 0 ? first : rest).length)
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  lines.push(line)
  return lines.map((one, at) => `${indent}${at === 0 ? first : rest}${one}`.trimEnd())
}
