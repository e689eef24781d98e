/**
 * The dictionary that the runtime and the infrastructure share: paths, ports, names and times.
 * A number that both sides must agree on has its one home here.
 */

export const paths = {
  home: '/',
  playground: '/playground',
  sideband: '/sideband',
  health: '/healthz',
  ready: '/readyz',
  metrics: '/metrics',
  ticket: '/ticket',
  usage: '/usage',
  chat: '/chat',
  realtime: '/realtime',
  webhook: '/webhooks/realtime',
  assistants: '/assistants',
} as const

/** Query value that chooses an assistant, and the longest name that is looked up (characters). */
export const assistantParameter = 'assistant'
export const maxAssistantChars = 64

/** Azure's address of the preview. */
export const previewPath = '/openai/realtime'

/** The addresses that official SDKs dial: the OpenAI path, the Azure GA path, the Azure preview path. */
export const sdkPaths = ['/v1/realtime', '/openai/v1/realtime', previewPath] as const

/** Those of them below which ephemeral keys are minted and WebRTC calls are made; the preview has neither there. */
export const callPaths = ['/v1/realtime', '/openai/v1/realtime'] as const

/** Where SDKs translate; keys are minted and calls are made below them. */
export const translationPaths = callPaths.map(path => `${path}/translations`)

/** Where SDKs speak GPT-Live, a protocol of its own, which the gateway does not serve. */
export const livePaths = ['/v1/live', '/openai/v1/live'] as const

/** Whether a path is one of GPT-Live's, or below it. */
export function isLivePath(path: string): boolean {
  return livePaths.some(base => path === base || path.startsWith(`${base}/`))
}

export const defaultPort = 8080

/** All headers of a request together. An Entra token takes 2 kB, more with groups, and proxies add their own. */
export const maxHeaderBytes = 16 * 1024

/** Container Apps sends SIGKILL this long after SIGTERM unless told otherwise. */
export const defaultGracePeriodSec = 30

/** The drain ends this long before the grace period does, so that logs are flushed before SIGKILL. */
export const drainMarginSec = 5

export const defaultDrainDeadlineMs = (defaultGracePeriodSec - drainMarginSec) * 1000
export const defaultLameDuckMs = 3000

/** PCM16 mono, the one PCM rate that the Realtime API takes (samples per second). */
export const pcmRate = 24_000
export const pcmBytesPerMs = (pcmRate * 2) / 1000

/** Name of the Azure deployment where none is configured; it says nothing of the deployment's model. */
export const defaultDeployment = 'gpt-realtime'

/** In place of a model's name: nobody writes it down. */
export const noTranscription = 'none'

/** Begins every key in Redis: a revision that lays entries out otherwise takes another number, and both can run. */
export const keyPrefix = 'gateway:1:'

/** The key of the list by which an autoscaler sees how full the replicas of a revision are. */
export function unitsKey(revision: string): string {
  return `${keyPrefix}units:{${revision}}:list`
}

/** Entries of that list for a replica that has all it should have. */
export const unitsOfFullReplica = 10
