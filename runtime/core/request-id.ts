/** The id by which a vendor finds a request in its own logs: passed back to the client, who quotes it to the vendor. */

export const requestIdHeader = 'x-request-id'

/** Longer ones, and those with characters that no id has, are left out: they would be written into a header. */
const requestId = /^[\x21-\x7e]{1,128}$/

/** @param value of the header in an answer of upstream's @returns undefined where there is none that may be passed on */
export function readRequestId(value: unknown): string | undefined {
  return typeof value === 'string' && requestId.test(value) ? value : undefined
}

/** Headers that pass it on. */
export function requestIdHeaders(id: string | undefined): Readonly<Record<string, string>> {
  return id === undefined ? {} : { [requestIdHeader]: id }
}
