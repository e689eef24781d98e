/**
 * Makes `realtime-gateway/tools` an import of every file, wherever it is and whatever `package.json` is above it.
 * Whoever loads files of an assistant loads this before; other test runners than the gateway's own are started with
 * `node --import PATH/runtime/tools/resolve-tools.ts`. What a module with a `?version=` imports is of that version too.
 */
import { registerHooks } from 'node:module'

const specifier = 'realtime-gateway/tools'
const tools = new URL('./define-tool.ts', import.meta.url).href
// The image has compiled code.
const format = tools.endsWith('.ts') ? 'module-typescript' : 'module'

const versionPattern = /\?version=\w+$/

registerHooks({
  resolve: (asked, context, next) => {
    if (asked === specifier) return { url: tools, format, shortCircuit: true }
    const found = next(asked, context)
    if (!found.url.startsWith('file:') || found.url.includes('/node_modules/')) return found
    // A process that outlives a version would go on with the old module, or with the error of one that is mended.
    const [version = ''] = context.parentURL?.match(versionPattern) ?? []
    const url = found.url.includes('?') ? found.url : found.url + version
    // npm writes `"type": "commonjs"` into a new package.json; a file that imports this module is none for all that.
    const isUndecided =
      found.format === null || found.format === undefined || found.format === 'commonjs-typescript'
    if (isUndecided && /\.ts(\?|$)/.test(url)) return { ...found, url, format: 'module-typescript' }
    return { ...found, url }
  },
})
