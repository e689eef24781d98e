/**
 * Makes `realtime-gateway/tools` an import of every file, wherever it is and whatever `package.json` is above it.
 * A host loads this before an assistant's files; other test runners than the gateway's own are started with
 * `node --import PATH/runtime/tools/resolve-tools.ts`.
 */
import { registerHooks } from 'node:module'

const specifier = 'realtime-gateway/tools'
const tools = new URL('./define-tool.ts', import.meta.url).href
// The image has compiled code.
const format = tools.endsWith('.ts') ? 'module-typescript' : 'module'

registerHooks({
  resolve: (asked, context, next) => {
    if (asked === specifier) return { url: tools, format, shortCircuit: true }
    const found = next(asked, context)
    // npm writes `"type": "commonjs"` into a new package.json; a file that imports this module is none for all that.
    const isUndecided =
      found.format === null || found.format === undefined || found.format === 'commonjs-typescript'
    if (isUndecided && /^file:.*\.ts$/.test(found.url) && !found.url.includes('/node_modules/'))
      return { ...found, format: 'module-typescript' }
    return found
  },
})
