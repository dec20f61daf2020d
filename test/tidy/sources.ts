/** The repository as the tidy tests see it: its files, and what a TypeScript file imports. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

const OUTSIDE = new Set(['node_modules', '.git', 'natter-data', 'natter-cluster'])

/** Paths from the root of the repository, with forward slashes, sorted; what git ignores is left out. */
export function filesUnder(folder: string, suffix: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap(entry => {
      const path = folder === '.' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) {
        return OUTSIDE.has(entry.name) || /^dist(-|$)/.test(entry.name) ? [] : filesUnder(path, suffix)
      }
      return path.endsWith(suffix) ? [path] : []
    })
    .sort()
}

export function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n')
}

export interface Import {
  /** As written. */
  specifier: string
  /** Path of the imported source file, for relative ones. */
  target: string | undefined
  /** `import()` inside a function: loaded when it is called. */
  lazy: boolean
  line: number
}

const STATIC = /^(?:import|export)\s+(?:[\w*\s{},$]+\sfrom\s+)?['"]([^'"]+)['"]/gm
const LAZY = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g

export function importsOf(path: string): Import[] {
  const text = readFileSync(path, 'utf8')
  const found: Import[] = []
  for (const [pattern, lazy] of [
    [STATIC, false],
    [LAZY, true]
  ] as const) {
    for (const match of text.matchAll(pattern)) {
      const specifier = match[1]!
      const target = specifier.startsWith('.')
        ? normalize(join(dirname(path), specifier))
            .replaceAll('\\', '/')
            .replace(/\.js$/, '.ts')
        : undefined
      found.push({ specifier, target, lazy, line: text.slice(0, match.index).split('\n').length })
    }
  }
  return found
}

/** A source without its comments, line by line, so that a word in a comment is no use of it. */
export function codeLines(path: string): string[] {
  const text = readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\//g, comment =>
    comment.replace(/[^\n]/g, '')
  )
  return text.split('\n').map(line => line.replace(/(^|\s)\/\/.*$/, '$1'))
}
