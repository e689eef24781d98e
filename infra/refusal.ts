/** What Azure refuses to the identity of previews, which may only read. */
import * as pulumi from '@pulumi/pulumi'

/** As Azure's provider repeats it: with the code, or with the status alone. */
const refusal = /AuthorizationFailed|\bstatus(?: ?code)?[ =:]*403\b|\bRESPONSE 403\b/i

/**
 * Waits for keys. Refused at a preview, they are not known there: their right is with who updates.
 * @param what is named in the log
 * @throws any other fault, and every fault of an update
 */
export async function keysOrUnknown(what: string, keys: Promise<string>): Promise<string> {
  try {
    return await keys
  } catch (fault) {
    const text = fault instanceof Error ? fault.message : String(fault)
    if (!pulumi.runtime.isDryRun() || !refusal.test(text)) throw fault
    pulumi.log.info(`${what}: this identity may not list them, so that their secret may seem to change`)
    return pulumi.unknown as unknown as string
  }
}
