/** Several runners as one: the tools of a host, and those of MCP servers. */
import { callFailed } from './call-failed.ts'
import type { ToolRunner } from './runner.ts'

/** @param runners of tools with the same name the first one's runs */
export function combineRunners(runners: readonly ToolRunner[]): ToolRunner {
  const [only] = runners
  if (only !== undefined && runners.length === 1) return only
  return {
    // Asked for each time: a server may say at any time that its tools have changed.
    get tools() {
      const seen = new Set<string>()
      return runners
        .flatMap(({ tools }) => tools)
        .filter(({ name }) => !seen.has(name) && seen.add(name).size > 0)
    },
    run: call => {
      const runner = runners.find(({ tools }) => tools.some(({ name }) => name === call.name))
      return runner === undefined
        ? Promise.resolve(callFailed('unknown_tool', `There is no tool "${call.name}"`))
        : runner.run(call)
    },
    close: async () => {
      await Promise.all(runners.map(runner => runner.close()))
    },
  }
}
