/** Whether the subnets' addresses lie in the network, and apart from each other. */

export interface AddressPlan {
  readonly networkRange: string
  readonly gatewayRange: string
  readonly appsRange: string
  readonly endpointsRange: string
}

interface Range {
  readonly first: number
  readonly last: number
}

/** Container Apps takes a /27 at least (learn.microsoft.com, container-apps/custom-virtual-networks). */
const smallestAppsPrefix = 27

/** Finds what is wrong with a plan: a sentence for each fault. @param exists the subnets are there already, and their network's addresses are not this stack's matter */
export function faultsOfPlan(plan: AddressPlan, exists: boolean): string[] {
  const faults: string[] = []
  const subnets = (['gatewayRange', 'appsRange', 'endpointsRange'] as const).map(name => ({
    name,
    range: rangeOf(plan[name]),
  }))
  for (const [index, { name, range }] of subnets.entries()) {
    const other = subnets.slice(0, index).find(before => overlap(before.range, range))
    if (other !== undefined) faults.push(`${name}: overlaps ${other.name}`)
    if (!exists && !contains(rangeOf(plan.networkRange), range))
      faults.push(`${name}: is not within networkRange`)
  }
  if (Number(plan.appsRange.split('/')[1]) > smallestAppsPrefix)
    faults.push(`appsRange: allowed is a /${smallestAppsPrefix} or larger`)
  return faults
}

function rangeOf(cidr: string): Range {
  const [address = '', prefix] = cidr.split('/')
  const value = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  const size = 2 ** (32 - Number(prefix))
  const first = Math.floor(value / size) * size
  return { first, last: first + size - 1 }
}

const overlap = (a: Range, b: Range) => a.first <= b.last && b.first <= a.last
const contains = (outer: Range, inner: Range) => outer.first <= inner.first && inner.last <= outer.last
