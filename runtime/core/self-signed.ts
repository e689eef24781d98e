/** Certificates for this machine alone. */

const dayMs = 24 * 3600 * 1000

/** The names and addresses that a certificate is good for. */
const localNames = [
  { type: 2, value: 'localhost' },
  { type: 7, ip: '127.0.0.1' },
  { type: 7, ip: '::1' },
] as const

/**
 * Makes a self-signed pair (PEM texts) for this machine's own addresses.
 * @param now when it was made (ms since 1970)
 * @throws Error where the package selfsigned is not installed, as in the plain image
 */
export async function makeCertificate(
  validDays = 365,
  now = Date.now(),
): Promise<{ key: string; cert: string }> {
  const { generate } = await import('selfsigned').catch(cause => {
    throw new Error('No certificate can be made here, as the package selfsigned is not installed', { cause })
  })
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    notAfterDate: new Date(now + validDays * dayMs),
    extensions: [{ name: 'subjectAltName', altNames: [...localNames] }],
  })
  return { key, cert }
}
