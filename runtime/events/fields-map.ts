/** The setting that says in which fields of which events JSON is looked for. */

/** One entry: the candidate fields of the event types that a glob matches, in order. */
export interface FieldsEntry {
  readonly glob: string
  readonly fields: readonly string[]
}

const form = 'an entry is glob:fieldA,fieldB and entries are separated by ";"'

/**
 * Parses `glob:fieldA,fieldB;glob2:fieldX`. Space around globs and fields does not count.
 * @param text the setting; a blank one has no entries.
 * @returns the entries in their order.
 * @throws Error that quotes the first malformed entry: not exactly one `:`, an empty glob, an empty field.
 */
export function parseFieldsMap(text: string): readonly FieldsEntry[] {
  return text.trim() === '' ? [] : text.split(';').map(parseEntry)
}

function parseEntry(entry: string, index: number): FieldsEntry {
  const [glob = '', list, ...more] = entry.split(':').map(part => part.trim())
  const fields = (list ?? '').split(',').map(field => field.trim())
  const fault =
    list === undefined
      ? 'has no ":"'
      : more.length > 0
        ? 'has more than one ":"'
        : glob === ''
          ? 'has no glob before the ":"'
          : fields.includes('')
            ? 'has an empty field name'
            : null
  if (fault !== null) throw new Error(`entry ${index + 1} "${entry.trim()}" ${fault}; ${form}`)
  return { glob, fields }
}
