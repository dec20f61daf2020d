/** `npm run generate`: makes src/wire/generated/*.ts out of protocols/*.proto. The output is committed; the build does not need protons. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = process.cwd()
const sources = join(root, 'protocols')
const output = join(root, 'src', 'wire', 'generated')

const protos = readdirSync(sources).filter(name => name.endsWith('.proto'))
const bin = join(root, 'node_modules', 'protons', 'dist', 'bin', 'protons.js')
execFileSync(process.execPath, [bin, '--strict', '-o', output, ...protos.map(name => join(sources, name))], {
  stdio: 'inherit'
})
for (const name of protos) {
  const file = join(output, name.replace(/\.proto$/, '.ts'))
  const source = readFileSync(file, 'utf8')
    .replaceAll('Uint8Array<ArrayBuffer>', 'Uint8Array')
    // An optional field may be given as undefined: callers need no conditional spread for each.
    .replaceAll(/^( {2}\w+\?: .+)$/gm, '$1 | undefined')
  // The generated code itself fails exactOptionalPropertyTypes, erasableSyntaxOnly and noUnusedLocals.
  writeFileSync(file, `// @ts-nocheck\n${source}`)
}
