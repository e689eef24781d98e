/** The page of the protocol in both languages: generated, never written by hand. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Stage } from '../gateway/start.ts'
import { openDoors } from './addresses.ts'
import { inJapanese } from './japanese.ts'
import { exceptions, losses } from './losses.ts'
import { reasonOf } from './reasons.ts'
import type { SdkProtocol } from './sdk-types.ts'
import {
  eventForPreview,
  eventOfSimulator,
  eventOfTranslation,
  fieldAtSimulator,
  fieldBeforePreview,
  fieldOfTranslation,
  messageAtSimulator,
  messageBeforePreview,
  messageInTranslation,
  responseFieldAtSimulator,
  responseFieldBeforePreview,
} from './verdicts.ts'

export type Language = 'en' | 'ja'

const files: Readonly<Record<Language, string>> = {
  en: 'docs/endpoints/protocol.md',
  ja: 'docs/ja/endpoints/protocol.md',
}
const root = join(import.meta.dirname, '../..')

/** Upgrades that the package's clients ask for; their addresses stand in its code, not in its types. */
const sockets = [
  '/realtime?model=gpt-realtime',
  '/realtime?intent=transcription',
  '/realtime/translations?model=gpt-realtime-translate',
]

/** Asked for by browsers, as OpenAI's guide on translation shows; the package has no function for it. */
const guidePaths = [{ method: 'POST', path: '/realtime/translations/calls' }]

type Rows = readonly (readonly string[])[]

/** The rows of the page, in English. */
export interface ProtocolRows {
  readonly version: string
  readonly addresses: Rows
  readonly messages: Rows
  readonly events: Rows
  readonly session: Rows
  readonly transcription: Rows
  readonly response: Rows
  readonly translation: { readonly messages: Rows; readonly events: Rows; readonly fields: Rows }
  readonly losses: Rows
  readonly exceptions: Rows
}

/** Finds what is done with each name. @throws Error with the names that are refused, or not served, without a reason */
export async function readRows(stage: Stage, sdk: SdkProtocol): Promise<ProtocolRows> {
  const doors = await openDoors(stage)
  const withoutReason: string[] = []
  const why = (name: string, verdicts: readonly string[]) => {
    if (!verdicts.some(verdict => /^(refused|not )/.test(verdict))) return '–'
    const reason = reasonOf(name)
    if (reason === null) withoutReason.push(name)
    return reason ?? ''
  }
  const addresses: string[][] = []
  const addressRow = async (shown: string, ask: (at: 'gateway' | 'simulator') => Promise<boolean>) => {
    const verdicts = []
    for (const at of ['gateway', 'simulator'] as const)
      verdicts.push((await ask(at)) ? 'served' : 'not served')
    addresses.push([code(shown), ...verdicts, why(shown, verdicts)])
  }
  for (const path of sockets) await addressRow(`WebSocket ${path}`, at => doors[at].opens(path))
  for (const { method, path } of [...sdk.paths, ...guidePaths])
    await addressRow(`${method} ${path}`, at => doors[at].has(method, path))

  const messages = sdk.clientEvents.map(({ type, fields }) => {
    const verdicts = [messageBeforePreview(type), messageAtSimulator(type)]
    return [code(type), list(fields), ...verdicts, why(type, verdicts)]
  })
  const events = sdk.serverEvents.map(({ type, fields }) => {
    const verdicts = [eventForPreview(type), eventOfSimulator(type)]
    return [code(type), list(fields), ...verdicts, why(type, verdicts)]
  })
  const session = (paths: readonly string[], isTranscription: boolean) =>
    leaves(paths).map(path => {
      const verdicts = [fieldBeforePreview(path, isTranscription), fieldAtSimulator(path, isTranscription)]
      return [code(path), ...verdicts, why(path, verdicts)]
    })
  const [realtime, transcription] = [
    session(sdk.sessionFields, false),
    session(sdk.transcriptionFields, true),
  ]
  const response = leaves(sdk.responseFields.filter(path => !path.startsWith('input[]'))).map(path => {
    const verdicts = [responseFieldBeforePreview(path), responseFieldAtSimulator(path)]
    return [code(path), ...verdicts, why(path, verdicts)]
  })
  const translation = {
    messages: sdk.translation.clientEvents.map(({ type, fields }) => {
      const verdict = messageInTranslation(type)
      return [code(type), list(fields), verdict, why(type, [verdict])]
    }),
    events: sdk.translation.serverEvents.map(({ type, fields }) => {
      const verdict = eventOfTranslation(type)
      return [code(type), list(fields), verdict, why(type, [verdict])]
    }),
    fields: leaves(sdk.translation.sessionFields).map(path => {
      const verdict = fieldOfTranslation(path)
      return [code(path), verdict, why(path, [verdict])]
    }),
  }
  if (withoutReason.length > 0)
    throw new Error(`tests/protocol/reasons.ts says of none of these why: ${withoutReason.join(', ')}`)
  return {
    version: sdk.version,
    addresses,
    messages,
    events,
    session: realtime,
    transcription,
    response,
    translation,
    losses: losses.map(({ leg, what, becomes, why }) => [leg, what, becomes, why]),
    exceptions: exceptions.map(({ leg, what, why }) => [leg, what, why]),
  }
}

/**
 * Writes the page in one language.
 * @throws Error with the texts that `japanese.ts` does not have
 */
export function renderPage(rows: ProtocolRows, language: Language): string {
  const untranslated = new Set<string>()
  const say = (english: string) => {
    const text = language === 'en' ? english : inJapanese(english)
    if (text === null) untranslated.add(english)
    return (text ?? '').replaceAll('VERSION', rows.version)
  }
  const table = (head: readonly string[], all: Rows) =>
    [head.map(say), head.map(() => '---'), ...all.map(cells => cells.map(say))]
      .map(cells => `| ${cells.join(' | ')} |`)
      .join('\n')
  const [title, ...introduction] = texts.introduction
  const blocks = [
    say(title),
    ...(language === 'ja' ? ['[English](../../endpoints/protocol.md)'] : []),
    ...introduction.map(say),
    say('## Addresses, below `/v1` and `/openai/v1`'),
    table(['address', 'gateway', 'simulator', 'why'], rows.addresses),
    say('## What clients send'),
    table(['event', 'fields', 'preview', 'simulator', 'why'], rows.messages),
    say('## What servers send'),
    table(['event', 'fields', 'preview', 'simulator', 'why'], rows.events),
    say('## Fields of a session'),
    table(['field', 'preview', 'simulator', 'why'], rows.session),
    say('## Fields of a transcription session'),
    table(['field', 'preview', 'simulator', 'why'], rows.transcription),
    say('## Fields of `response.create`'),
    say(texts.input),
    table(['field', 'preview', 'simulator', 'why'], rows.response),
    say('## Live translation'),
    say(texts.translation),
    table(['client event', 'fields', 'simulator', 'why'], rows.translation.messages),
    table(['server event', 'fields', 'simulator', 'why'], rows.translation.events),
    table(['field of a session', 'simulator', 'why'], rows.translation.fields),
    say('## What is lost between the dialects'),
    say(texts.losses),
    table(['from', 'what', 'becomes', 'why'], rows.losses),
    say(texts.exceptions),
    table(['from', 'what', 'why'], rows.exceptions),
  ]
  if (untranslated.size > 0)
    throw new Error(`tests/protocol/japanese.ts has no text for: ${[...untranslated].join('; ')}`)
  return `${blocks.join('\n\n')}\n`
}

/** Prose of the page. VERSION: of the installed package. */
const texts = {
  introduction: [
    '# The protocol, name by name',
    `Every address, event and field of the Realtime API in the type files of \`openai\` VERSION, and how the gateway and
the simulator treat each. \`npm run protocol-table\` writes this page; a test fails when a new version of the package
adds a name.`,
    `If client and upstream speak the same dialect, the gateway changes nothing: frames pass byte for byte, with fields
that this table does not list. If they speak different dialects, the gateway translates. The column *preview* shows what
becomes of each name between GA and the preview of 2024-25, in either direction; a name that is *left out* has no
counterpart.`,
  ],
  input: 'Items in `input` are those of `conversation.item.create`.',
  translation: `Live translation has a protocol of its own, at \`/realtime/translations\`: the gateway passes it through, and the
preview does not have it. See [transcription and translation](transcription.md).`,
  losses: `This is all that is lost between a client of one dialect and an upstream of the other. A test translates values
of every variant of both type sets of the package there and back, and fails if it loses more
(\`tests/fuzz/dialect.test.ts\`).`,
  exceptions: 'The following passes, although the other type set does not have it:',
} as const

/** Reads the page as it is. */
export function readPage(language: Language): string {
  return readFileSync(join(root, files[language]), 'utf8')
}

/** Writes both pages. */
export function writePages(rows: ProtocolRows): void {
  for (const language of ['en', 'ja'] as const)
    writeFileSync(join(root, files[language]), renderPage(rows, language))
}

/** Fields that have no members of their own: what becomes of the others is what becomes of their members. */
function leaves(paths: readonly string[]): string[] {
  const mixed = ['audio.output.voice', 'tool_choice', 'truncation', 'tracing']
  return paths.filter(
    path =>
      mixed.includes(path) ||
      !paths.some(other => other.startsWith(`${path}.`) || other.startsWith(`${path}[]`)),
  )
}

const code = (name: string) => `\`${name}\``
const list = (names: readonly string[]) => (names.length === 0 ? '–' : names.map(code).join(', '))
