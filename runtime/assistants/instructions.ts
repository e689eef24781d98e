/** The instructions of an assistant: Jinja over `instructions.md`, rendered for each session. */
import { posix } from 'node:path'
import { Template } from '@huggingface/jinja'
import type { AssistantFolder } from './folder.ts'

export const instructionsFile = 'instructions.md'

/** Limit of what a template renders, as UTF-8 (bytes); a session has them in each message that sets them. */
export const maxInstructionsBytes = 256 * 1024

/** What a template knows of a session. */
export interface InstructionsScope {
  /** The principal's name: `key:NAME`, `entra:TENANT/OBJECT` or `anonymous`. */
  readonly caller: string
  /** What the client says that the person speaks, as a BCP 47 tag; '' where it says nothing. */
  readonly language: string
}

/** @throws InstructionsError where the template cannot be rendered; those of `Assistants` throw GatewayError `internal` */
export type Instructions = (scope: InstructionsScope) => string

/** A template that cannot be used. */
export class InstructionsError extends Error {
  /** Of `instructions.md`, from 1; null where the template's language does not say it. */
  readonly line: number | null
  constructor(message: string, line: number | null) {
    super(message)
    this.name = 'InstructionsError'
    this.line = line
  }
}

/**
 * Compiles the instructions of a folder, and renders them once so that faults are found at the start. `file('PATH')`
 * gives the text of a file of this folder; `caller` and `language` are in scope; `trim_blocks` and `lstrip_blocks` are on.
 * @throws InstructionsError that says what is wrong and where
 */
export function compileInstructions(folder: AssistantFolder): Instructions {
  const text = folder.files.get(instructionsFile)?.bytes.toString()
  if (text === undefined) throw new InstructionsError('is missing; it holds what the model is told', null)
  const template = parse(text)
  const quoted = new Map<string, string>()
  const file = (path: unknown): string => {
    const name = typeof path === 'string' ? path : ''
    const known = quoted.get(name)
    if (known !== undefined) return known
    const found = quote(folder, path, text)
    quoted.set(name, found)
    return found
  }
  const render: Instructions = scope => run(template, { ...scope, file })
  checkQuotes(folder, text)
  render({ caller: 'anonymous', language: '' })
  return render
}

function parse(text: string): Template {
  try {
    return new Template(text)
  } catch (fault) {
    throw new InstructionsError(`is not a valid Jinja template: ${reasonOf(fault)}`, null)
  }
}

function run(template: Template, scope: Record<string, unknown>): string {
  let text: string
  try {
    text = template.render(scope).trim()
  } catch (fault) {
    if (fault instanceof InstructionsError) throw fault
    throw new InstructionsError(`cannot be rendered: ${reasonOf(fault)}`, null)
  }
  const bytes = Buffer.byteLength(text)
  if (bytes <= maxInstructionsBytes) return text
  throw new InstructionsError(`renders ${bytes} bytes; allowed are ${maxInstructionsBytes}`, null)
}

/** Every file that the template names, also in a branch that the first rendering does not take. */
const quotePattern = /\bfile\(\s*(['"])([^'"\n]*)\1\s*\)/g

function checkQuotes(folder: AssistantFolder, text: string): void {
  for (const [, , path = ''] of text.matchAll(quotePattern)) quote(folder, path, text)
}

/** @throws InstructionsError for what is no file of the folder */
function quote(folder: AssistantFolder, path: unknown, text: string): string {
  if (typeof path !== 'string') throw new InstructionsError("file() takes a path: file('menu.json')", null)
  const name = posix.normalize(path)
  const found = folder.files.get(name)
  const line = lineOf(text, path)
  if (posix.isAbsolute(path) || name.startsWith('..') || path.includes('\\'))
    throw new InstructionsError(
      `file('${path}') leaves the folder; only files of this folder can be quoted`,
      line,
    )
  if ([...folder.links].some(link => name === link || name.startsWith(`${link}/`)))
    throw new InstructionsError(`file('${path}') is behind a symbolic link, which is not followed`, line)
  if (found === undefined) throw new InstructionsError(`file('${path}') names no file of this folder`, line)
  return found.bytes.toString()
}

function lineOf(text: string, path: string): number | null {
  const at = text.indexOf(path)
  return path === '' || at < 0 ? null : text.slice(0, at).split('\n').length
}

function reasonOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault)
}
