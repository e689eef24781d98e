/** The public record of the host name that clients dial, where its zone is in Azure. */
import * as dns from '@pulumi/azure-native/dns/index.js'
import type { Foundation } from './foundation.ts'
import type { Network } from './network.ts'
import { partsOfId } from './resource-id.ts'

const ttlSec = 300

/** Creates the record; nothing without a zone. */
export function createHostRecord({ settings }: Foundation, { publicIp }: Network): void {
  const { dnsZoneId, hostName } = settings
  if (dnsZoneId === undefined || hostName === undefined) return
  const { group, name: zoneName } = partsOfId(dnsZoneId)
  const relativeRecordSetName = hostName === zoneName ? '@' : hostName.slice(0, -zoneName.length - 1)
  // The zone is another's: the record must be deleted by itself. It follows the address by the resource's id.
  new dns.RecordSet('host-record', {
    resourceGroupName: group,
    zoneName,
    recordType: 'A',
    relativeRecordSetName,
    ttl: ttlSec,
    targetResource: { id: publicIp.id },
  })
}
