/** The vocabulary in which the shapes of client events are written, and the faults they are refused with. */

/** What is wrong with one field, in the words of the Realtime API's error objects. */
export interface Fault {
  code: string
  message: string
  param: string | null
}

/** Looks at one value; `path` is its place in the event (`session.audio.input`). Null means nothing is wrong. */
export type Check = (value: unknown, path: string) => Fault | null

export type Fields = Record<string, unknown>

const maxShownLength = 100

export const anything: Check = () => null

/** A string of at most `maxLength` characters (default: any length). */
export function string(maxLength = Number.POSITIVE_INFINITY): Check {
  return (value, path) => {
    if (typeof value !== 'string') return wrongType(path, 'a string', value)
    if (value.length <= maxLength) return null
    const message = `Invalid '${path}': string too long. Expected a string with maximum length ${maxLength}, but got a string with length ${value.length} instead.`
    return { code: 'string_above_max_length', message, param: path }
  }
}

/** A whole number within the bounds, both inclusive. */
export function integer(min: number, max = Number.MAX_SAFE_INTEGER): Check {
  return (value, path) =>
    typeof value === 'number' && Number.isInteger(value)
      ? outOfBounds(value, path, min, max, 'integer')
      : wrongType(path, 'an integer', value)
}

/** A number within the bounds, both inclusive. */
export function decimal(min: number, max: number): Check {
  return (value, path) =>
    typeof value === 'number'
      ? outOfBounds(value, path, min, max, 'decimal')
      : wrongType(path, 'a decimal', value)
}

export const boolean: Check = (value, path) =>
  typeof value === 'boolean' ? null : wrongType(path, 'a boolean', value)

/** One of a closed set of strings or numbers. */
export function oneOf(...values: (string | number)[]): Check {
  return (value, path) => {
    if (values.includes(value as string)) return null
    if (typeof value !== typeof values[0]) {
      return wrongType(path, typeof values[0] === 'number' ? 'an integer' : 'a string', value)
    }
    return unsupported(value, path, values)
  }
}

/** What the check allows, or null. */
export function nullable(check: Check): Check {
  return (value, path) => (value === null ? null : check(value, path))
}

/** Either of two kinds of value: `isFirst` decides which of the checks speaks. */
export function either(isFirst: (value: unknown) => boolean, first: Check, second: Check): Check {
  return (value, path) => (isFirst(value) ? first : second)(value, path)
}

/** An array whose entries pass a check. */
export function list(check: Check, maxLength = Number.POSITIVE_INFINITY): Check {
  return (value, path) => {
    if (!Array.isArray(value)) return wrongType(path, 'an array', value)
    if (value.length > maxLength) {
      const message = `Invalid '${path}': array too long. Expected an array with maximum length ${maxLength}, but got an array with length ${value.length} instead.`
      return { code: 'array_above_max_length', message, param: path }
    }
    return firstFault(value, (entry, index) => check(entry, `${path}[${index}]`))
  }
}

/** An object whose keys are free, with at most `maxEntries` of them. */
export function dictionary(check: Check, maxEntries = Number.POSITIVE_INFINITY): Check {
  return (value, path) => {
    if (!isFields(value)) return wrongType(path, 'an object', value)
    const entries = Object.entries(value)
    if (entries.length > maxEntries) {
      const message = `Invalid '${path}': too many properties. Expected an object with at most ${maxEntries} properties, but got an object with ${entries.length} properties instead.`
      return { code: 'object_above_max_properties', message, param: path }
    }
    return firstFault(entries, ([key, entry]) => check(entry, joined(path, key)))
  }
}

/** An object with these fields and no others; `required` ones must be there. */
export function fields(shape: Record<string, Check>, ...required: string[]): Check {
  return (value, path) => {
    if (!isFields(value)) return wrongType(path, 'an object', value)
    const missing = required.find(name => value[name] === undefined)
    if (missing !== undefined) return missingParameter(joined(path, missing))
    const unknown = Object.keys(value).find(name => !Object.hasOwn(shape, name))
    if (unknown !== undefined) return unknownParameter(joined(path, unknown))
    const present = Object.keys(value).filter(name => value[name] !== undefined)
    return firstFault(present, name => (shape[name] ?? anything)(value[name], joined(path, name)))
  }
}

/** An object whose field `by` names which of the shapes it has. */
export function variants(by: string, shapes: Record<string, Check>): Check {
  return (value, path) => {
    if (!isFields(value)) return wrongType(path, 'an object', value)
    const name = value[by]
    if (name === undefined) return missingParameter(joined(path, by))
    if (typeof name !== 'string') return wrongType(joined(path, by), 'a string', name)
    const shape = Object.hasOwn(shapes, name) ? shapes[name] : undefined
    return shape === undefined ? unsupported(name, joined(path, by), Object.keys(shapes)) : shape(value, path)
  }
}

/** The fault of a field that must be there. */
export function missingParameter(path: string): Fault {
  return {
    code: 'missing_required_parameter',
    message: `Missing required parameter: '${path}'.`,
    param: path,
  }
}

/** The fault of a field that nobody knows. */
export function unknownParameter(path: string): Fault {
  return { code: 'unknown_parameter', message: `Unknown parameter: '${path}'.`, param: path }
}

/** The fault for a value outside a closed set, which it lists. */
export function unsupported(value: unknown, path: string, values: readonly (string | number)[]): Fault {
  const shown = typeof value === 'string' ? `'${value.slice(0, maxShownLength)}'` : String(value)
  const quoted = values.map(entry => (typeof entry === 'string' ? `'${entry}'` : String(entry)))
  const listed =
    quoted.length < 3 ? quoted.join(' and ') : `${quoted.slice(0, -1).join(', ')}, and ${quoted.at(-1)}`
  const message =
    values.length === 1
      ? `Invalid value: ${shown}. Value must be ${listed}.`
      : `Invalid value: ${shown}. Supported values are: ${listed}.`
  return { code: 'invalid_value', message, param: path }
}

/** The fault of a value of another kind than `expected` ("a string"). */
export function wrongType(path: string, expected: string, got: unknown): Fault {
  const message = `Invalid type for '${path}': expected ${expected}, but got ${kindOf(got)} instead.`
  return { code: 'invalid_type', message, param: path }
}

/** Whether a value is an object, and no array. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function outOfBounds(value: number, path: string, min: number, max: number, kind: string): Fault | null {
  if (value >= min && value <= max) return null
  const [side, sign, bound] = value < min ? ['below min', '>=', min] : ['above max', '<=', max]
  const word = side.startsWith('below') ? 'below minimum' : 'above maximum'
  const message = `Invalid '${path}': ${kind} ${word} value. Expected a value ${sign} ${bound}, but got ${value} instead.`
  return { code: `${kind}_${side.replace(' ', '_')}_value`, message, param: path }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal'
  return `a ${typeof value}`
}

function joined(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

function firstFault<T>(
  entries: readonly T[],
  faultOf: (entry: T, index: number) => Fault | null,
): Fault | null {
  for (const [index, entry] of entries.entries()) {
    const fault = faultOf(entry, index)
    if (fault !== null) return fault
  }
  return null
}
