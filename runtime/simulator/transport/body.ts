/** Request bodies: read within a limit, and taken apart. */
import type { IncomingMessage } from 'node:http'

const maxBodyBytes = 2 * 1024 * 1024

/** Reads a body of at most 2 MB; null when it is larger. */
export async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request) {
    const bytes = Buffer.from(part)
    length += bytes.length
    if (length > maxBodyBytes) return null
    parts.push(bytes)
  }
  return Buffer.concat(parts)
}

/** The fields of a form (`multipart/form-data` or urlencoded) as texts; null when it cannot be read. */
export async function formOf(body: Buffer, contentType: string): Promise<Map<string, string> | null> {
  try {
    const form = await new Response(new Uint8Array(body), {
      headers: { 'content-type': contentType },
    }).formData()
    const texts = new Map<string, string>()
    for (const [name, value] of form) texts.set(name, typeof value === 'string' ? value : await value.text())
    return texts
  } catch {
    return null
  }
}
