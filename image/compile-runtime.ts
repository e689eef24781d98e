/**
 * Compiles the gateway for an image: `node image/compile-runtime.ts FOLDER`, the folder of package.json and runtime/.
 * It does once what Node does at each start of a checkout, and no more: types become blanks, so that lines and columns
 * stay those of the sources. A start then has half of the work.
 */
import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A file beside, as imports, exports and `new URL` name it. */
const specifier = /(?<=\b(?:from |import |import\(|new URL\()')(\.{1,2}\/[^']+)\.ts(?=')/g

/** Text that a prompt shows, and no code. */
const texts = ['menu/**']

/**
 * Replaces every `.ts` file below `runtime/` by a `.js` file, in imports and in the exports of package.json too.
 * @throws Error naming the file that imports one which does not exist
 */
export function compileRuntime(folder: string): void {
  const runtime = join(folder, 'runtime')
  const sources = globSync('**/*.ts', { cwd: runtime, exclude: texts }).map(file => join(runtime, file))
  for (const source of sources) {
    const compiled = stripTypeScriptTypes(readFileSync(source, 'utf8')).replace(
      specifier,
      (_, path: string) => {
        if (!existsSync(join(dirname(source), `${path}.ts`)))
          throw new Error(`${source} imports "${path}.ts": no such file`)
        return `${path}.js`
      },
    )
    writeFileSync(source.replace(/\.ts$/, '.js'), compiled)
  }
  for (const source of sources) rmSync(source)
  const manifest = join(folder, 'package.json')
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(/(?<="\.\/runtime\/[^"]+)\.ts(?=")/g, '.js'))
}

const [program, folder] = process.argv.slice(1)
if (program === fileURLToPath(import.meta.url)) {
  if (folder === undefined) throw new TypeError('FOLDER is missing: node image/compile-runtime.ts FOLDER')
  compileRuntime(folder)
}
