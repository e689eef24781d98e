/** A certificate for local use. */

/** The names and addresses that it is good for, besides the host it is made for. */
const localNames = [
  { type: 2, value: 'localhost' },
  { type: 7, ip: '127.0.0.1' },
  { type: 7, ip: '::1' },
] as const

/** Makes a self-signed pair (PEM texts) for this machine's own addresses. */
export async function makeCertificate(): Promise<{ key: string; cert: string }> {
  const { generate } = await import('selfsigned')
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    extensions: [{ name: 'subjectAltName', altNames: [...localNames] }],
  })
  return { key, cert }
}
