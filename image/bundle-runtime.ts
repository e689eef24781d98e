/**
 * Bundles the gateway for an image: `node image/bundle-runtime.ts FOLDER`, the folder of package.json, node_modules/ and
 * runtime/. A start of the sources loads more than 500 modules, and the loading of a module costs more than what is in it.
 * Source maps lead from stacks to the sources; `start-gateway.ts` and `start-tools.ts` switch them on.
 */
import { globSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Plugin, rolldown } from 'rolldown'

/** Packages that each start loads, with what they import themselves. Others, and all native ones, stay packages. */
const bundledPackages = [
  ...['@cfworker/json-schema', '@huggingface/jinja', 'jsonrepair', 'pino'],
  ...['prom-client', 'ws', 'yaml', 'zod'],
]

const isBundled = new RegExp(`^(${bundledPackages.join('|')})($|/)`)

/** Found by `ws`, where it is installed. */
const optionalPackages = ['bufferutil', 'utf-8-validate']

/** The text of a prompt's template, and no code. */
const texts = ['menu/**']

/** Where code is that several files share: as deep as a folder of sources. */
const sharedFolder = 'shared'

/** What is started or imported by its name, below `runtime/`: the file that is written, and its source. */
const entriesOf = (folder: string): Record<string, string> => ({
  main: join(folder, 'image/start-gateway.ts'),
  'tools/tool-process': join(folder, 'image/start-tools.ts'),
  ...Object.fromEntries(
    [
      'simulator/server',
      'simulator/model/script',
      'tools/define-tool',
      'tools/resolve-tools',
      'try/main',
    ].map(name => [name, join(folder, `runtime/${name}.ts`)]),
  ),
})

/** A file beside, as `new URL` names it: the file that is started, not its source. */
const namedFile = /(?<=\bnew URL\('\.{1,2}\/[^']+)\.ts(?=', import\.meta\.url\))/g

/** Has `import.meta` say of a bundled file what it says of the source. All paths are read relative to `runtime/`. */
const keepLocations = (runtime: string): Plugin => ({
  name: 'keep-locations',
  transform: {
    filter: { id: /\.ts$/, code: 'import.meta' },
    handler(code, id) {
      const file = relative(runtime, id)
      if (file.startsWith('..')) return null
      const name = basename(file).replace(/\.ts$/, '.js')
      const source = JSON.stringify(`../${dirname(file)}/${name}`)
      const moved = code
        .replace(namedFile, '.js')
        .replaceAll('import.meta.dirname', `(import.meta.dirname + '/../${dirname(file)}')`)
        .replaceAll('import.meta.url', `new URL(${source}, import.meta.url).href`)
      // Lines stay where they are.
      return { code: moved, map: null }
    },
  },
  renderChunk(code, { fileName }) {
    if (code.includes('import.meta.dirname') && dirname(dirname(fileName)) !== '.')
      this.error(`${fileName} reads files relative to itself: it must be in a folder of runtime/`)
    return null
  },
})

/**
 * Replaces the `.ts` files below `runtime/` by bundles and their source maps, in the exports of package.json too.
 * @param folder holds `image/` too
 * @throws Error naming the file that imports one which does not exist
 */
export async function bundleRuntime(folder: string): Promise<void> {
  const runtime = join(folder, 'runtime')
  const simulator = join(runtime, 'simulator/')
  const bundle = await rolldown({
    input: entriesOf(folder),
    cwd: folder,
    platform: 'node',
    external: isExternal,
    plugins: [keepLocations(runtime)],
    // It warns of slow plugins by the clock, which depends on the machine.
    checks: { bundlerTimings: false },
    // What the bundler only warns of, such as a file that does not exist, would fail at a start.
    onLog(level, log, report) {
      report(level === 'warn' ? 'error' : level, log)
    },
  })
  const sources = globSync('**/*.ts', { cwd: runtime, exclude: texts }).map(file => join(runtime, file))
  await bundle.write({
    dir: runtime,
    format: 'esm',
    entryFileNames: '[name].js',
    // The plain image leaves out the simulator's folder.
    chunkFileNames: ({ moduleIds }) =>
      `${moduleIds.some(id => id.startsWith(simulator)) ? 'simulator' : sharedFolder}/[name].js`,
    sourcemap: true,
    sourcemapExcludeSources: true,
  })
  await bundle.close()
  for (const source of sources) rmSync(source)
  removeEmptyFolders(runtime)
  const manifest = join(folder, 'package.json')
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(/(?<="\.\/runtime\/[^"]+)\.ts(?=")/g, '.js'))
}

function isExternal(name: string, importer: string | undefined): boolean {
  if (/^[./]/.test(name)) return false
  if (optionalPackages.includes(name)) return true
  return !isBundled.test(name) && !importer?.includes('/node_modules/')
}

function removeEmptyFolders(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeEmptyFolders(join(folder, entry.name))
  if (readdirSync(folder).length === 0) rmdirSync(folder)
}

const [program, folder] = process.argv.slice(1)
if (program === fileURLToPath(import.meta.url)) {
  if (folder === undefined) throw new TypeError('FOLDER is missing: node image/bundle-runtime.ts FOLDER')
  await bundleRuntime(resolve(folder))
}
