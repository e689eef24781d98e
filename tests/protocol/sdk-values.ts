/**
 * Values of the events that the installed `openai` package has types for, generated from its type files, and the check
 * whether a value is one of such a type. Both type sets: `realtime` (GA) and `beta/realtime` (the preview).
 */
import fc from 'fast-check'
import ts from 'typescript'
import type { Dialect } from '../../runtime/core/ports.ts'
import { openSdkTypes } from './sdk-types.ts'

export type Side = 'client' | 'server'

export interface EventType {
  readonly type: string
  /** Events of this type; what survives JSON. */
  readonly values: fc.Arbitrary<Record<string, unknown>>
  /**
   * Says where a value is none of this type: a field that the type does not have, or a value that the field cannot hold.
   * Numbers, strings of open sets and names of models, which the type files list as of their day, are not judged. Null: it is one.
   * @param isReader whether the value is only read, so that a field more does no harm
   */
  misfit(value: unknown, isReader: boolean): string | null
}

export interface EventTypes {
  readonly events: readonly EventType[]
  /** Variants of unions that stand in these types, and which of them a generated value has had: `PATH = VARIANT`. */
  readonly variants: ReadonlySet<string>
  readonly generated: ReadonlySet<string>
}

const unions: Readonly<Record<Side, string>> = {
  client: 'RealtimeClientEvent',
  server: 'RealtimeServerEvent',
}

/** Deeper types are the user's own values. */
const maxDepth = 12

/** Reads the types of one side's events. @throws Error with the name that the package no longer has */
export function readEventTypes(dialect: Dialect, side: Side): EventTypes {
  const { checker, typeOf } = openSdkTypes(dialect)
  const union = typeOf(unions[side])
  const variants = new Set<string>()
  const generated = new Set<string>()
  const reading: Reading = { checker, dialect, variants, generated }
  const events = (union.isUnion() ? union.types : [union]).map(member => {
    const name = literalOf(checker, member)
    return {
      type: name,
      values: valuesOf(reading, member, name, 0) as fc.Arbitrary<Record<string, unknown>>,
      misfit: (value: unknown, isReader: boolean) => misfitOf({ checker, isReader }, member, value, ''),
    }
  })
  return { events: events.sort((a, b) => a.type.localeCompare(b.type, 'en')), variants, generated }
}

interface Reading {
  readonly checker: ts.TypeChecker
  readonly dialect: Dialect
  readonly variants: Set<string>
  readonly generated: Set<string>
}

function literalOf(checker: ts.TypeChecker, member: ts.Type): string {
  const type = member.getProperty('type')
  const literal = type && checker.getTypeOfSymbol(type)
  if (!literal?.isStringLiteral()) throw new Error(`an event has no type: ${checker.typeToString(member)}`)
  return literal.value
}

/** Strings of a closed set that one type set leaves open, by where they stand and whose they are. */
const knownStrings: readonly (readonly [dialect: Dialect, path: RegExp, values: readonly string[]])[] = [
  [
    'ga',
    /^error\.error\.param$/,
    ['session.audio.output.voice', 'session.audio.input.turn_detection.type', 'response.max_output_tokens'],
  ],
  [
    'preview',
    /^error\.error\.param$/,
    ['session.voice', 'session.turn_detection.type', 'response.max_response_output_tokens'],
  ],
  ['preview', /\.include\[\]$/, ['item.input_audio_transcription.logprobs']],
  ['preview', /\.turn_detection\.type$/, ['server_vad', 'semantic_vad']],
  ['preview', /\.tool_choice$/, ['auto', 'none', 'required', 'look_up']],
  ['preview', /put_audio_format$/, ['pcm16', 'g711_ulaw', 'g711_alaw']],
]

const words = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
const numbers = fc.oneof(fc.nat({ max: 4096 }), fc.double({ noNaN: true, noDefaultInfinity: true }))
/** Values of the user's own, such as a tool's JSON Schema. */
const anything = fc.oneof(
  fc.constant(null),
  words,
  fc.dictionary(fc.constantFrom('type', 'properties', 'voice', 'audio', 'object', 'temperature'), words, {
    maxKeys: 3,
    noNullPrototype: true,
  }),
)

function valuesOf(reading: Reading, type: ts.Type, path: string, depth: number): fc.Arbitrary<unknown> {
  const { checker } = reading
  if (depth > maxDepth) throw new Error(`types are deeper than ${maxDepth} levels at ${path}`)
  if ((type.flags & ts.TypeFlags.Boolean) !== 0) return fc.boolean()
  if (type.isUnion()) {
    const members = type.types.filter(({ flags }) => (flags & ts.TypeFlags.Undefined) === 0)
    if (members.length > 1) return fc.oneof(...members.map(member => variantOf(reading, member, path, depth)))
    return valuesOf(reading, members[0] ?? type, path, depth)
  }
  if (type.isStringLiteral() || type.isNumberLiteral()) return fc.constant(type.value)
  if ((type.flags & ts.TypeFlags.BooleanLiteral) !== 0)
    return fc.constant(checker.typeToString(type) === 'true')
  if ((type.flags & ts.TypeFlags.Null) !== 0) return fc.constant(null)
  if ((type.flags & ts.TypeFlags.String) !== 0 || type.isIntersection()) return stringsAt(reading, path)
  if ((type.flags & ts.TypeFlags.Number) !== 0) return numbers
  if ((type.flags & (ts.TypeFlags.Unknown | ts.TypeFlags.Any)) !== 0) return anything
  if (checker.isArrayType(type)) {
    const element = elementOf(checker, type)
    return fc.array(valuesOf(reading, element, `${path}[]`, depth + 1), { maxLength: 3 })
  }
  if ((type.flags & ts.TypeFlags.Object) === 0)
    throw new Error(`no values are made of ${checker.typeToString(type)} at ${path}`)
  const index = checker.getIndexTypeOfType(type, ts.IndexKind.String)
  if (index !== undefined)
    return fc.dictionary(words, valuesOf(reading, index, `${path}.*`, depth + 1), {
      maxKeys: 2,
      noNullPrototype: true,
    })
  return objectOf(reading, type, path, depth)
}

function stringsAt({ dialect }: Reading, path: string): fc.Arbitrary<string> {
  const known = knownStrings.find(([owner, pattern]) => owner === dialect && pattern.test(path))?.[2]
  return known === undefined ? words : fc.constantFrom(...known)
}

/** One member of a union; that it has been generated is noted. */
function variantOf(reading: Reading, member: ts.Type, path: string, depth: number): fc.Arbitrary<unknown> {
  const variant = `${path} = ${reading.checker.typeToString(member)}`
  reading.variants.add(variant)
  return valuesOf(reading, member, path, depth).map(value => {
    reading.generated.add(variant)
    return value
  })
}

function objectOf(reading: Reading, type: ts.Type, path: string, depth: number): fc.Arbitrary<unknown> {
  const { checker } = reading
  const members = type.getProperties().map(member => ({
    name: member.name,
    isOptional: (member.flags & ts.SymbolFlags.Optional) !== 0,
    values: valuesOf(reading, checker.getTypeOfSymbol(member), `${path}.${member.name}`, depth + 1),
  }))
  return fc.record(Object.fromEntries(members.map(({ name, values }) => [name, values])), {
    requiredKeys: members.filter(({ isOptional }) => !isOptional).map(({ name }) => name),
    noNullPrototype: true,
  })
}

function elementOf(checker: ts.TypeChecker, type: ts.Type): ts.Type {
  const [element] = checker.getTypeArguments(type as ts.TypeReference)
  if (element === undefined) throw new Error(`a list of nothing: ${checker.typeToString(type)}`)
  return element
}

interface Judging {
  readonly checker: ts.TypeChecker
  readonly isReader: boolean
}

function misfitOf(judging: Judging, type: ts.Type, value: unknown, path: string): string | null {
  const { checker } = judging
  if (path.endsWith('.model')) return null
  if (type.isUnion()) {
    const misfits = membersFor(checker, type, value).map(member => misfitOf(judging, member, value, path))
    // The last that is told is of an object, where one of the members is one.
    return misfits.includes(null) ? null : (misfits.at(-1) ?? null)
  }
  const here = `${path} is ${JSON.stringify(value)}`
  if (type.isStringLiteral() || type.isNumberLiteral()) return value === type.value ? null : here
  if ((type.flags & ts.TypeFlags.BooleanLiteral) !== 0)
    return String(value) === checker.typeToString(type) ? null : here
  if ((type.flags & ts.TypeFlags.Undefined) !== 0) return value === undefined ? null : here
  if ((type.flags & ts.TypeFlags.Null) !== 0) return value === null ? null : here
  if ((type.flags & ts.TypeFlags.String) !== 0 || type.isIntersection())
    return typeof value === 'string' ? null : here
  if ((type.flags & ts.TypeFlags.Number) !== 0) return typeof value === 'number' ? null : here
  if ((type.flags & (ts.TypeFlags.Unknown | ts.TypeFlags.Any)) !== 0) return null
  if (checker.isArrayType(type)) {
    if (!Array.isArray(value)) return here
    const element = elementOf(checker, type)
    return firstOf(value, each => misfitOf(judging, element, each, `${path}[]`))
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return here
  if (checker.getIndexTypeOfType(type, ts.IndexKind.String) !== undefined) return null
  return misfitOfObject(judging, type, value as Record<string, unknown>, path)
}

function misfitOfObject(
  judging: Judging,
  type: ts.Type,
  value: Record<string, unknown>,
  path: string,
): string | null {
  const { checker, isReader } = judging
  const at = (name: string) => (path === '' ? name : `${path}.${name}`)
  const members = new Map(type.getProperties().map(member => [member.name, member]))
  return (
    firstOf(Object.keys(value), name => (isReader || members.has(name) ? null : `${at(name)} is unknown`)) ??
    firstOf([...members.values()], member => {
      if (member.name in value)
        return misfitOf(judging, checker.getTypeOfSymbol(member), value[member.name], at(member.name))
      return (member.flags & ts.SymbolFlags.Optional) !== 0 ? null : `${at(member.name)} is missing`
    })
  )
}

/** Members of a union that a value may be meant for: those whose `type` and `role` it names, where they name any. */
function membersFor(checker: ts.TypeChecker, union: ts.UnionType, value: unknown): readonly ts.Type[] {
  const fields = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  const meant = union.types.filter(member =>
    ['type', 'role'].every(name => {
      const symbol = (member.flags & ts.TypeFlags.Object) !== 0 ? member.getProperty(name) : undefined
      const literal = symbol && checker.getTypeOfSymbol(symbol)
      return !literal?.isStringLiteral() || !(name in fields) || literal.value === fields[name]
    }),
  )
  if (meant.length > 0 && meant.length < union.types.length) {
    const objects = meant.filter(({ flags }) => (flags & ts.TypeFlags.Object) !== 0)
    if (objects.length > 0 && 'type' in fields) return objects
  }
  return meant.length > 0 ? meant : union.types
}

function firstOf<Each>(all: readonly Each[], misfit: (each: Each) => string | null): string | null {
  for (const each of all) {
    const found = misfit(each)
    if (found !== null) return found
  }
  return null
}
