/** Values as the engine sends them: what is secret or not yet known is marked. */

const signatureKey = '4dabf18193072939515e22adb298388d'
const secretSignature = '1b47061264138c4ac30d75fd1eb44270'
const unknownValue = '04da6b54-80e4-46f7-96ec-b56ff0331ba9'

/** Turns what is marked as secret into its value, or into the mark that the shapes know. */
export function reveal(value: unknown, secrets: 'show' | 'hide'): unknown {
  if (Array.isArray(value)) return value.map(member => reveal(member, secrets))
  if (typeof value !== 'object' || value === null) return value
  const members = value as Record<string, unknown>
  if (members[signatureKey] === secretSignature)
    return secrets === 'hide' ? '[secret]' : reveal(members.value, secrets)
  return Object.fromEntries(Object.entries(members).map(([key, member]) => [key, reveal(member, secrets)]))
}

/** Marks a value as secret. */
export const asSecret = (value: string) => ({ [signatureKey]: secretSignature, value })

/** Whether any part is not known yet, as in a preview. */
export const hasUnknown = (value: unknown) => JSON.stringify(value ?? null).includes(unknownValue)

/** Whether two values are the same, in whatever order their members were written. */
export function isSame(a: unknown, b: unknown): boolean {
  return canonical(reveal(a, 'show')) === canonical(reveal(b, 'show'))
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([x], [y]) => (x < y ? -1 : 1)))
      : member,
  )
}
