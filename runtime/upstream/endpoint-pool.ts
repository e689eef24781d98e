/** Where a session may be opened: each deployment at each endpoint, in the order of preference. */

import type { GatewayError } from '../core/errors.ts'
import { Circuit, type CircuitOptions } from './circuit.ts'
import type { Credential } from './credentials/credentials.ts'
import type { Purpose } from './model-permit.ts'
import type { Target } from './target.ts'

export interface PooledEndpoint {
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
 * Lists the candidates for each choice of a deployment: a deployment that is asked for is served by its own
 * kind at every endpoint, and by no other; the default one (null) also by the others, last.
 * Circuits are shared between the choices.
 * @param onRequest deployments that serve only whoever asks for them
 */
export function createEndpointPool(
  endpoints: readonly Endpoint[],
  {
    deployments,
    onRequest,
  }: { readonly deployments: readonly string[]; readonly onRequest: readonly string[] },
  options: CircuitOptions,
): (deployment: string | null) => readonly PooledEndpoint[] {
  const candidatesOf = (deployment: string) =>
    endpoints.map(({ target, credential }) => ({
      name: endpoints.length === 1 ? deployment : `${deployment}@${target.baseUrl.hostname}`,
      target,
      deployment,
      credential,
      circuit: new Circuit(options),
    }))
  const configured = deployments.flatMap(candidatesOf)
  const all = [...configured, ...onRequest.flatMap(candidatesOf)]
  return deployment =>
    deployment === null ? configured : all.filter(candidate => candidate.deployment === deployment)
}

/**
 * Chooses where to dial next. A candidate without a circuit always lets through.
 * @param tried those that this round of a dial has been to
 * @returns the first whose circuit lets through; when none does, and none was tried, the one whose pause
 *   ends first, as a client is better served by a try than by none; null ends the round
 */
export function nextCandidate<P extends { readonly circuit: Circuit | null }>(
  candidates: readonly P[],
  tried: ReadonlySet<P>,
): P | null {
  const untried = candidates.filter(candidate => !tried.has(candidate))
  const open = untried.find(candidate => candidate.circuit?.state !== 'open')
  if (open !== undefined || tried.size > 0) return open ?? null
  return untried.reduce<P | null>(
    (best, candidate) => (best === null || openUntil(candidate) < openUntil(best) ? candidate : best),
    null,
  )
}

function openUntil({ circuit }: { readonly circuit: Circuit | null }): number {
  return circuit?.openUntil ?? Number.NEGATIVE_INFINITY
}

/** Whether a failure is this candidate's own and another may do better: capacity, an outage; not a refusal. */
export function isEndpointAtFault({ retry, code }: GatewayError): boolean {
  return retry && code !== 'credential_unavailable'
}
