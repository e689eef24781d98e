/** How `npm start` runs the gateway, for tests and measures that run it the same way. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface StartCommand {
  readonly env: Readonly<Record<string, string>>
  /** Of `node`. */
  readonly args: readonly string[]
}

const pattern = /^exec env ((?:\w+=\S+ )*)node (.*)$/

/**
 * Reads what `package.json` says.
 * @param checkout whose; another one may be older, and set no environment
 * @throws Error when its `start` has another form
 */
export function startCommand(checkout: string = join(import.meta.dirname, '../..')): StartCommand {
  const { scripts } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as {
    scripts: { start: string }
  }
  const [, variables, args] = pattern.exec(scripts.start.replace(/^exec node /, 'exec env node ')) ?? []
  if (variables === undefined || args === undefined)
    throw new Error(`The script "start" of ${checkout} is not understood: ${scripts.start}`)
  const env = variables
    .split(' ')
    .filter(word => word !== '')
    .map(word => word.split('='))
  return { env: Object.fromEntries(env), args: args.split(' ') }
}
