/** Scripted conversations that test an assistant: `tests/*.yaml` of its folder, read with the line of every fault. */
import { z } from 'zod'
import type { Assistant } from './assistant.ts'
import { type AssistantFault, maxFileFaults } from './faults.ts'
import { nameOf, readYaml } from './yaml-file.ts'

const words = z.string().min(1).max(4096)
const name = z.string().regex(/^[\w-]{1,64}$/, 'a name is of a-z, A-Z, 0-9, "_" and "-"')
const values = z.record(z.string(), z.unknown())

const said = z.strictObject({ say: words })
const called = z.strictObject({ call: name, arguments: values.optional() })
const output = z.union([said, called])

/** Text that the assistant says, or `/a regular expression/`. */
const saying = words.refine(isSaying, 'Invalid input: no regular expression')

function isSaying(text: string): boolean {
  try {
    return patternOf(text) !== undefined
  } catch {
    return false
  }
}

/** @returns null for plain text @throws SyntaxError */
export function patternOf(text: string): RegExp | null {
  const [, pattern] = /^\/(.+)\/$/s.exec(text) ?? []
  return pattern === undefined ? null : new RegExp(pattern, 'iu')
}

const expectation = z.strictObject({
  tools: z
    .array(
      z.strictObject({
        name,
        arguments: values.optional(),
        runs: z.int().min(0).optional(),
      }),
    )
    .optional(),
  state: values.optional(),
  says: z.union([saying, z.array(saying).min(1)]).optional(),
})

const turn = z.strictObject({
  say: words,
  during: z.strictObject({ tool: name, do: z.literal('drain') }).optional(),
  expect: expectation.optional(),
})

/** More turns than this are several tests. */
const maxTurns = 64

const maxRuns = 100

const file = z
  .strictObject({
    description: words.optional(),
    model: z.array(z.union([output, z.array(output).min(1)])).optional(),
    turns: z.array(turn).min(1).max(maxTurns),
    runs: z.int().min(1).max(maxRuns).default(1),
    pass: z.int().min(1).max(maxRuns).optional(),
  })
  .refine(({ runs, pass }) => pass === undefined || pass <= runs, {
    path: ['pass'],
    message: 'Invalid input: more than "runs"',
  })

/** One file: a conversation, turn by turn. */
export type ScriptedTest = z.infer<typeof file>
export type ScriptedTurn = z.infer<typeof turn>
export type Expectation = z.infer<typeof expectation>

/** What the model may call. */
export type CallableTools = Pick<Assistant, 'tools' | 'mcp'>

/**
 * Reads one file.
 * @param path as faults name it: `cafe/tests/order.yaml`
 * @param callable tools of the assistant: one of another name is a fault; absent: any name will do
 * @returns the test, or everything that is wrong with it
 */
export function readScriptedTest(
  path: string,
  text: string,
  callable?: CallableTools,
): { readonly test: ScriptedTest } | { readonly faults: readonly AssistantFault[] } {
  const read = readYaml(path, text)
  if ('faults' in read) return { faults: read.faults }
  const checked = file.safeParse(read.value)
  const issues = checked.success
    ? unknownTools(checked.data, callable)
    : checked.error.issues.flatMap(issuesOf)
  if (checked.success && issues.length === 0) return { test: checked.data }
  const faults = issues.slice(0, maxFileFaults).map(({ path: key, message }) => ({
    file: path,
    line: read.lineOf(key),
    message: `${key.length === 0 ? 'the file' : nameOf(key)}: ${message}`,
  }))
  return { faults: faults.sort((a, b) => a.line - b.line) }
}

interface Issue {
  readonly path: PropertyKey[]
  readonly message: string
}

/** A call of a tool that there is not would be answered, and no expectation would miss it. */
function unknownTools({ model = [], turns }: ScriptedTest, callable: CallableTools | undefined): Issue[] {
  if (callable === undefined) return []
  const { tools, mcp } = callable
  const known = [
    ...tools,
    ...mcp.flatMap(server =>
      server.tools === null ? [`${server.name}__…`] : server.tools.map(tool => `${server.name}__${tool}`),
    ),
  ]
  const isKnown = (tool: string) =>
    known.includes(tool) || mcp.some(server => server.tools === null && tool.startsWith(`${server.name}__`))
  const allowed = known.length === 0 ? 'it has none' : `allowed is ${known.join(', ')}`
  const issue = (path: PropertyKey[], tool: string | undefined): Issue[] =>
    tool === undefined || isKnown(tool)
      ? []
      : [{ path, message: `the assistant has no tool "${tool}"; ${allowed}` }]
  const calls = model.flatMap((answer, at) =>
    [answer]
      .flat()
      .flatMap((part, index) =>
        'call' in part
          ? issue(['model', at, ...(Array.isArray(answer) ? [index] : []), 'call'], part.call)
          : [],
      ),
  )
  const expected = turns.flatMap(({ during, expect }, at) => [
    ...issue(['turns', at, 'during', 'tool'], during?.tool),
    ...(expect?.tools ?? []).flatMap((tool, index) =>
      issue(['turns', at, 'expect', 'tools', index, 'name'], tool.name),
    ),
  ])
  return [...calls, ...expected]
}

/** Of a choice of shapes the issues of the one that was meant: the one with the fewest. */
function issuesOf(issue: z.core.$ZodIssue): Issue[] {
  const { path, message } = issue
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(key => ({ path: [...path, key], message: 'there is no such key' }))
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [{ path, message }]
  const shapes = issue.errors.map(issues => issues.flatMap(issuesOf))
  const [meant = []] = shapes.sort((a, b) => weightOf(a) - weightOf(b))
  return meant.map(inner => ({ path: [...path, ...inner.path], message: inner.message }))
}

/** A value of another kind altogether is further from what was meant than any of its keys. */
function weightOf(issues: readonly { path: readonly PropertyKey[] }[]): number {
  return issues.some(({ path }) => path.length === 0) ? Number.POSITIVE_INFINITY : issues.length
}
