/** Where a session may be opened: each deployment at each endpoint, in the order of preference. */

import type { GatewayError } from '../core/errors.ts'
import { Circuit, type CircuitOptions } from './circuit.ts'
import type { Credential } from './credentials/credentials.ts'
import type { Purpose } from './model-permit.ts'
import type { Target } from './target.ts'

export interface Place {
  /** The deployment, with the endpoint's host where there are several; for logs and metrics. */
  readonly name: string
  readonly target: Target
  readonly deployment: string
  readonly credential: Credential
  readonly circuit: Circuit
  /** What its sessions are for; absent: conversations. */
  readonly purpose?: Purpose
}

export interface Endpoint {
  readonly target: Target
  readonly credential: Credential
}

/**
 * Lists the places for each choice of a deployment: a deployment that is asked for is served by its own
 * kind at every endpoint, and by no other; the default one (null) also by the others, last.
 * Circuits are shared between the choices.
 * @param onRequest deployments that serve only whoever asks for them
 */
export function createPlaces(
  endpoints: readonly Endpoint[],
  {
    deployments,
    onRequest,
  }: { readonly deployments: readonly string[]; readonly onRequest: readonly string[] },
  options: CircuitOptions,
): (deployment: string | null) => readonly Place[] {
  const placesOf = (deployment: string) =>
    endpoints.map(({ target, credential }) => ({
      name: endpoints.length === 1 ? deployment : `${deployment}@${target.baseUrl.hostname}`,
      target,
      deployment,
      credential,
      circuit: new Circuit(options),
    }))
  const configured = deployments.flatMap(placesOf)
  const all = [...configured, ...onRequest.flatMap(placesOf)]
  return deployment =>
    deployment === null ? configured : all.filter(place => place.deployment === deployment)
}

/**
 * Chooses where to dial next. A place without a circuit always lets through.
 * @param tried those that this round of a dial has been to
 * @returns the first whose circuit lets through; when none does, and none was tried, the one whose pause
 *   ends first, as a client is better served by a try than by none; null ends the round
 */
export function nextPlace<P extends { readonly circuit: Circuit | null }>(
  places: readonly P[],
  tried: ReadonlySet<P>,
): P | null {
  const untried = places.filter(place => !tried.has(place))
  const open = untried.find(place => place.circuit?.state !== 'open')
  if (open !== undefined || tried.size > 0) return open ?? null
  return untried.reduce<P | null>(
    (best, place) => (best === null || openUntil(place) < openUntil(best) ? place : best),
    null,
  )
}

function openUntil({ circuit }: { readonly circuit: Circuit | null }): number {
  return circuit?.openUntil ?? Number.NEGATIVE_INFINITY
}

/** Whether a failure is this place's own and another may do better: capacity, an outage; not a refusal. */
export function isPlaceAtFault({ retry, code }: GatewayError): boolean {
  return retry && code !== 'credential_unavailable'
}
