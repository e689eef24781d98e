/** Whether an object fits a JSON Schema, and where it does not. */
import { type Schema, Validator } from '@cfworker/json-schema'
import { isFields } from './fields.ts'

/** Where a value does not fit: a JSON Pointer (RFC 6901), empty for the value itself; null if it fits. */
export type Misfit = (value: unknown) => string | null

const defaultDraft = '2020-12'

/**
 * Compiles a JSON Schema (draft 4, 7, 2019-09 or 2020-12; without `$schema` the last).
 * @param text a JSON text
 * @throws Error that says what is wrong with the text
 */
export function compileSchema(text: string): Misfit {
  const schema: unknown = JSON.parse(text)
  if (!isFields(schema)) throw new Error('a JSON Schema is an object')
  const validator = new Validator(schema as Schema, draftOf(schema.$schema))
  // A reference that leads nowhere is found with the first value.
  validator.validate({})
  return value => {
    try {
      const { valid, errors } = validator.validate(value)
      return valid ? null : pointerOf(errors)
    } catch {
      // Deeper than the stack.
      return ''
    }
  }
}

function draftOf(uri: unknown): '4' | '7' | '2019-09' | '2020-12' {
  const found = typeof uri === 'string' ? /draft-0?(4|7)|draft\/(2019-09|2020-12)/.exec(uri) : null
  return (found?.[1] ?? found?.[2] ?? defaultDraft) as ReturnType<typeof draftOf>
}

/** Of nested failures the innermost comes last but for its keyword; the longest path names it. */
function pointerOf(errors: readonly { instanceLocation: string }[]): string {
  const paths = errors.map(({ instanceLocation }) => instanceLocation.replace(/^#/, ''))
  return paths.reduce((longest, path) => (path.length > longest.length ? path : longest), '')
}
