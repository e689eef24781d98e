/** Reads the protocol out of the installed `openai` package: events, fields and paths, from its own type and code files. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import type { Dialect } from '../../runtime/core/ports.ts'

export interface SdkEvent {
  readonly type: string
  /** Beside `type` and `event_id`. */
  readonly fields: readonly string[]
}

export interface SdkPath {
  readonly method: string
  /** Below the base URL: `/realtime/calls/{callID}/accept`. */
  readonly path: string
}

export interface SdkProtocol {
  readonly version: string
  readonly clientEvents: readonly SdkEvent[]
  readonly serverEvents: readonly SdkEvent[]
  /** Dotted; `[]` for what stands in a list. Parents before their members. */
  readonly sessionFields: readonly string[]
  readonly transcriptionFields: readonly string[]
  readonly responseFields: readonly string[]
  /** Of sessions that translate: a protocol of their own. */
  readonly translation: {
    readonly clientEvents: readonly SdkEvent[]
    readonly serverEvents: readonly SdkEvent[]
    readonly sessionFields: readonly string[]
  }
  readonly paths: readonly SdkPath[]
}

const resources = join(dirname(fileURLToPath(import.meta.resolve('openai'))), 'resources')
const folder = join(resources, 'realtime')

/** Where each dialect's types stand. */
const typeFiles: Readonly<Record<Dialect, string>> = {
  ga: join(folder, 'realtime.d.ts'),
  preview: join(resources, 'beta/realtime/realtime.d.ts'),
}

/** Deeper members are values of the user's, as the variables of a prompt. */
const maxDepth = 6

export interface SdkTypes {
  readonly checker: ts.TypeChecker
  /** @throws Error with the name that the package no longer has */
  typeOf(name: string): ts.Type
}

/** Opens the installed package's types of one dialect. */
export function openSdkTypes(dialect: Dialect): SdkTypes {
  const file = typeFiles[dialect]
  const program = ts.createProgram([file], {
    skipLibCheck: true,
    strict: true,
    module: ts.ModuleKind.NodeNext,
    noEmit: true,
  })
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(file)
  const module = source && checker.getSymbolAtLocation(source)
  const exported = new Map(module && checker.getExportsOfModule(module).map(symbol => [symbol.name, symbol]))
  const typeOf = (name: string) => {
    const symbol = exported.get(name)
    if (symbol === undefined) throw new Error(`"openai" has no type "${name}" in ${file}`)
    return checker.getDeclaredTypeOfSymbol(symbol)
  }
  return { checker, typeOf }
}

/** Reads the installed version. @throws Error with the name that the package no longer has */
export function readSdkProtocol(): SdkProtocol {
  const { checker, typeOf } = openSdkTypes('ga')
  const fieldsOf = (name: string) => [...collect(checker, typeOf(name))]
  return {
    version: JSON.parse(readFileSync(join(folder, '../../package.json'), 'utf8')).version,
    clientEvents: eventsOf(checker, typeOf('RealtimeClientEvent')),
    serverEvents: eventsOf(checker, typeOf('RealtimeServerEvent')),
    sessionFields: fieldsOf('RealtimeSessionCreateRequest'),
    transcriptionFields: fieldsOf('RealtimeTranscriptionSessionCreateRequest'),
    responseFields: fieldsOf('RealtimeResponseCreateParams'),
    translation: {
      clientEvents: eventsOf(checker, typeOf('RealtimeTranslationClientEvent')),
      serverEvents: eventsOf(checker, typeOf('RealtimeTranslationServerEvent')),
      sessionFields: fieldsOf('RealtimeTranslationSessionCreateRequest'),
    },
    paths: ['calls.js', 'client-secrets.js', 'translations/client-secrets.js'].flatMap(readPaths),
  }
}

function eventsOf(checker: ts.TypeChecker, union: ts.Type): SdkEvent[] {
  const members = union.isUnion() ? union.types : [union]
  return members
    .map(member => {
      const type = member.getProperty('type')
      const literal = type && checker.getTypeOfSymbol(type)
      if (!literal?.isStringLiteral())
        throw new Error(`an event has no type: ${checker.typeToString(member)}`)
      const fields = member
        .getProperties()
        .map(({ name }) => name)
        .filter(name => name !== 'type' && name !== 'event_id')
      return { type: literal.value, fields: fields.sort() }
    })
    .sort((a, b) => a.type.localeCompare(b.type, 'en'))
}

/** Dotted paths of what an object may hold, over all members of its unions. */
function collect(
  checker: ts.TypeChecker,
  type: ts.Type,
  path = '',
  found = new Set<string>(),
  depth = 1,
): Set<string> {
  for (const part of type.isUnion() ? type.types : [type]) {
    if (checker.isArrayType(part)) {
      const [element] = checker.getTypeArguments(part as ts.TypeReference)
      if (element !== undefined) collect(checker, element, `${path}[]`, found, depth)
    } else if ((part.flags & ts.TypeFlags.Object) !== 0) {
      const members = part.getProperties().toSorted((a, b) => a.name.localeCompare(b.name, 'en'))
      for (const member of members) {
        const inner = path === '' ? member.name : `${path}.${member.name}`
        found.add(inner)
        if (depth < maxDepth) collect(checker, checker.getTypeOfSymbol(member), inner, found, depth + 1)
      }
    }
  }
  return found
}

/** Calls of the package's HTTP client in one of its files: `this._client.post(PATH, …)`. */
function readPaths(name: string): SdkPath[] {
  const source = ts.createSourceFile(
    name,
    readFileSync(join(folder, name), 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  )
  const found: SdkPath[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const { name: method, expression } = node.expression
      const [argument] = node.arguments
      if (expression.getText() === 'this._client' && argument !== undefined)
        found.push({ method: method.text.toUpperCase(), path: pathOf(argument) })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

function pathOf(node: ts.Expression): string {
  if (ts.isStringLiteral(node)) return node.text
  if (ts.isTaggedTemplateExpression(node)) {
    const { template } = node
    if (ts.isNoSubstitutionTemplateLiteral(template)) return template.text
    return (
      template.head.text +
      template.templateSpans.map(span => `{${span.expression.getText()}}${span.literal.text}`).join('')
    )
  }
  throw new Error(`a path that is no literal: ${node.getText()}`)
}
