/** The image: built here and pushed, or named by the configuration. */
import * as authorization from '@pulumi/azure-native/authorization/index.js'
import * as dockerBuild from '@pulumi/docker-build'
import * as pulumi from '@pulumi/pulumi'
import type { Foundation } from './foundation.ts'
import type { Registry } from './registry.ts'

const repository = 'realtime-gateway'

/** Stands for "no user" where a registry is shown a token (learn.microsoft.com, container-registry-authentication). */
const tokenUser = '00000000-0000-0000-0000-000000000000'

/** A registry that was made a moment ago does not answer yet. */
const exchangeAttempts = 10
const exchangeRetryMs = 3000
const exchangeAnswerMs = 10_000

export interface Exchange {
  readonly fetch: typeof fetch
  readonly wait: (ms: number) => Promise<void>
  /** The registry is given up, and asked again, after this (ms; default 10000). */
  readonly answerMs?: number
}

/** Names the image to run, by digest; builds and pushes it unless `imageRef` is set. */
export function provideImage(
  foundation: Foundation,
  registry: Registry,
  exchange: Exchange,
): pulumi.Output<string> {
  const { settings } = foundation
  if (settings.imageRef !== undefined) return pulumi.output(settings.imageRef)
  const name = pulumi.interpolate`${registry.loginServer}/${repository}`
  const cache = pulumi.interpolate`${name}:cache`
  const image = new dockerBuild.Image(
    'image',
    {
      push: true,
      // Builds nothing on a preview, so that a preview needs no Docker.
      buildOnPreview: false,
      context: { location: '.' },
      dockerfile: { location: 'Dockerfile' },
      // Container Apps runs amd64 only, and a laptop may not be one.
      platforms: ['linux/amd64'],
      tags: [pulumi.interpolate`${name}:latest`],
      cacheFrom: [{ registry: { ref: cache } }],
      cacheTo: [
        {
          registry: { ref: cache, mode: 'max', imageManifest: true, ociMediaTypes: true, ignoreError: true },
        },
      ],
      registries: [
        {
          address: registry.loginServer,
          username: tokenUser,
          password: createPushToken(foundation, registry, exchange),
        },
      ],
    },
    // A build that makes way for another must not take a running revision's image with it.
    { retainOnDelete: true },
  )
  // The tag moves with each build; the digest makes the revision.
  return pulumi.interpolate`${name}@${image.digest}`
}

/**
 * Gets a token that may push, from the deployer's own Azure token. The registry keeps its admin user off,
 * and `az acr login` could not have come first: this very update makes the registry.
 */
function createPushToken(
  { tenantId }: Foundation,
  registry: Registry,
  exchange: Exchange,
): pulumi.Output<string> {
  const { token } = pulumi.secret(authorization.getClientTokenOutput())
  return pulumi.secret(
    pulumi.all([registry.loginServer, token]).apply(([server, azureToken]) =>
      // Not known at a preview: a plan that had another value here would not hold for the update.
      pulumi.runtime.isDryRun()
        ? (pulumi.unknown as unknown as string)
        : exchangeToken({ server, tenantId, azureToken, exchange }),
    ),
  )
}

interface TokenExchange {
  readonly server: string
  readonly tenantId: string
  readonly azureToken: string
  readonly exchange: Exchange
}

/**
 * Trades an Azure token for the registry's own.
 * @throws when the registry keeps refusing or says nothing, with its status
 */
export async function exchangeToken({
  server,
  tenantId,
  azureToken,
  exchange,
}: TokenExchange): Promise<string> {
  const body = new URLSearchParams({
    grant_type: 'access_token',
    service: server,
    tenant: tenantId,
    access_token: azureToken,
  })
  let refusal = 'no answer'
  for (let attempt = 1; attempt <= exchangeAttempts; attempt += 1) {
    if (attempt > 1) await exchange.wait(exchangeRetryMs)
    const signal = AbortSignal.timeout(exchange.answerMs ?? exchangeAnswerMs)
    const answer = await exchange
      .fetch(`https://${server}/oauth2/exchange`, { method: 'POST', body, signal })
      .catch(() => null)
    if (answer?.ok) return ((await answer.json()) as { refresh_token: string }).refresh_token
    if (answer !== null) refusal = `HTTP ${answer.status}`
  }
  throw new Error(
    `The registry ${server} gave no token to push with (${refusal}): the deployer needs the role AcrPush`,
  )
}
