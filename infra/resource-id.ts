/** The parts of a resource id that a stack's configuration gives. */

export interface ResourceParts {
  readonly subscriptionId: string
  readonly group: string
  /** Last name of the id. */
  readonly name: string
  /** Id of the resource that this one is a part of, such as the network of a subnet; the id itself for one that is no part. */
  readonly parent: string
}

/** Takes an id apart; the setting's pattern has checked it. */
export function partsOfId(id: string): ResourceParts {
  const [, , subscriptionId = '', , group = '', , , ...path] = id.split('/')
  const parent = path.length > 2 ? id.split('/').slice(0, -2).join('/') : id
  return { subscriptionId, group, name: path.at(-1) ?? '', parent }
}
