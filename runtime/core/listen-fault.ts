/** Why an address cannot be listened on. */

/**
 * Describes the fault by the settings that choose another address.
 * @param cause of the system; absent where it is not known
 */
export function listenFault(host: string, port: number, cause?: NodeJS.ErrnoException): Error {
  const inUse = 'the port is in use; PORT chooses another'
  const notHere = 'HOST is no address of this machine'
  const reasons: Record<string, string> = {
    EADDRINUSE: inUse,
    EACCES: 'this user may not take the port; PORT chooses another',
    EADDRNOTAVAIL: notHere,
    ENOTFOUND: notHere,
  }
  const reason = reasons[cause?.code ?? ''] ?? `${inUse}, or ${notHere}`
  return new Error(`Cannot listen on ${host} port ${port}: ${reason}`, { cause })
}
