/** The settings of models: which ones clients may name, and which ones the vendors may retire. A part of `config.ts`. */
import { noTranscription } from '../core/contract.ts'
import type { Provider } from '../core/ports.ts'
import { compileGlob } from '../events/glob.ts'
import { namesServed } from '../models/availability.ts'
import {
  defaultSessionTranscription,
  defaultSpeechModel,
  defaultTurnTranscription,
  namesAtOpenai,
} from '../models/models.ts'
import type { ConfiguredModel } from '../models/warnings.ts'
import type { ModelAlias, ModelChoice } from '../upstream/model-choice.ts'
import type { ModelPermit } from '../upstream/model-permit.ts'
import type { Target } from '../upstream/target.ts'
import type { Environment } from './environment.ts'
import { readNameList } from './upstream.ts'
import { splitList } from './variable.ts'

export interface ModelsConfig {
  readonly choice: ModelChoice
  /** What the vendors may retire. */
  readonly configured: readonly ConfiguredModel[]
  /** What clients may have what is said written down by. */
  readonly transcription: TranscriptionChoice
  /** Models that translate; the first is the default. */
  readonly translation: readonly [string, ...string[]]
}

export interface TranscriptionChoice {
  /** null: those that their vendor serves for another year. */
  readonly named: readonly string[] | null
  /** The one of `/chat`, which may be named too; null: none. */
  readonly ofChat: string | null
}

/**
 * Reads which models there are.
 * @param target null: the embedded simulator, whose default is the first of `simulated`
 * @param faults takes a sentence for each fault
 */
export function readModels(
  env: Environment,
  target: Target | null,
  simulated: readonly [string, ...string[]],
  faults: string[],
): ModelsConfig {
  const deployments = target?.deployments ?? simulated
  const known = target === null ? namesAtOpenai('speech') : []
  const onRequest = known.filter(name => !deployments.includes(name))
  const aliases = readAliases(env.MODEL_ALIASES, deployments, [...deployments, ...onRequest], faults)
  const transcription = env.CHAT_TRANSCRIPTION_MODEL === noTranscription ? [] : [env.CHAT_TRANSCRIPTION_MODEL]
  const configured =
    target?.provider === 'azure'
      ? [
          ...azureModels(env.AZURE_OPENAI_MODEL, deployments, faults),
          ...transcription.map(azureTranscription),
        ]
      : [...deployments.map(openaiModel), ...transcription.map(openaiTranscription)]
  const [ofChat = null] = transcription
  return {
    choice: { deployments, onRequest, aliases },
    configured,
    transcription: { named: env.TRANSCRIPTION_MODELS ?? null, ofChat },
    translation: readNameList(env.TRANSLATION_MODELS, 'TRANSLATION_MODELS', faults),
  }
}

/** A model that ends sooner is not offered to sessions that begin to use it now (days). */
const longLivedDays = 365

/**
 * Says which models clients may name.
 * Where TRANSCRIPTION_MODELS names none, a transcription session may name those that the vendor serves for another
 * year, and a conversation all that are not retired: clients have one built in (npm `@openai/agents-realtime` 0.20.0:
 * gpt-4o-mini-transcribe), and would lose their instructions with it.
 * @param today the day of the question
 */
export function permitModels(
  { choice, transcription: { named, ofChat }, translation }: ModelsConfig,
  provider: Provider,
  today: Date,
): ModelPermit {
  const vendor = provider === 'azure' ? 'azure' : 'openai'
  const servedFor = (days: number) =>
    named ??
    [...new Set([...namesServed('transcription', vendor, today, days), ...(ofChat === null ? [] : [ofChat])])]
      // What a page, or a reader of a refusal, takes first.
      .toSorted(defaultFirst)
  const all = servedFor(0)
  return {
    choice,
    transcription: { conversation: all, transcription: servedFor(longLivedDays), translation: all },
    translation,
  }
}

function defaultFirst(one: string, other: string): number {
  return Number(other === defaultSessionTranscription) - Number(one === defaultSessionTranscription)
}

function readAliases(
  text: string,
  deployments: readonly string[],
  served: readonly string[],
  faults: string[],
): ModelAlias[] {
  return splitList(text).flatMap(pair => {
    const colon = pair.lastIndexOf(':')
    const glob = pair.slice(0, Math.max(0, colon)).trim()
    const deployment = pair.slice(colon + 1).trim()
    const fault = faultOfAlias(glob, deployment, deployments, served)
    if (fault === null) return { matches: compileGlob(glob), deployment }
    faults.push(`MODEL_ALIASES: "${pair}" ${fault}`)
    return []
  })
}

/** @returns null where there is none */
function faultOfAlias(
  glob: string,
  deployment: string,
  deployments: readonly string[],
  served: readonly string[],
): string | null {
  if (glob === '' || deployment === '') return 'is not a pair; allowed is glob:deployment'
  if (!served.includes(deployment)) {
    const choice = served.map(name => `"${name}"`).join(', ')
    return `leads to "${deployment}", which is not configured; allowed are ${choice}`
  }
  return deployments.includes(glob) ? `can never apply: "${glob}" is configured itself` : null
}

const modelPattern = /^([a-z0-9][\w.-]*)(?:@([\w.-]+))?$/i

function azureModels(
  given: readonly string[],
  deployments: readonly string[],
  faults: string[],
): ConfiguredModel[] {
  if (given.length > deployments.length)
    faults.push(
      `AZURE_OPENAI_MODEL: has ${given.length} models; allowed is one for each of ${deployments.length} deployments`,
    )
  return deployments.map((deployment, index) => {
    const told = given[index]
    if (told === undefined) return azureModel(deployment)
    const [, name = '', version] = modelPattern.exec(told) ?? []
    if (name === '')
      faults.push(
        `AZURE_OPENAI_MODEL: "${told}" is no model; allowed is a name such as gpt-realtime-1.5@2026-02-23`,
      )
    const advice = `make "${deployment}" a deployment of a newer model`
    return { vendor: 'azure', name, ...(version !== undefined && { version }), advice }
  })
}

/** Whoever makes a deployment often names it like its model; nothing else is known of it here. */
function azureModel(deployment: string): ConfiguredModel {
  const advice = `if the deployment "${deployment}" is of that model, make one of a newer model; if it is of another, say so with AZURE_OPENAI_MODEL`
  return { vendor: 'azure', name: deployment, advice }
}

function azureTranscription(deployment: string): ConfiguredModel {
  const advice = `if the deployment "${deployment}" is of that model, make one of a newer model and name it in CHAT_TRANSCRIPTION_MODEL`
  return { vendor: 'azure', name: deployment, advice }
}

function openaiModel(name: string): ConfiguredModel {
  return {
    vendor: 'openai',
    name,
    advice: `choose another for OPENAI_REALTIME_MODEL, such as ${defaultSpeechModel}`,
  }
}

function openaiTranscription(name: string): ConfiguredModel {
  return {
    vendor: 'openai',
    name,
    advice: `choose another for CHAT_TRANSCRIPTION_MODEL, such as ${defaultTurnTranscription}`,
  }
}
