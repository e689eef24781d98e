/** The table of the whole protocol in the documents: made, never written by hand. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Stage } from '../gateway/start.ts'
import { openDoors } from './addresses.ts'
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

const file = join(import.meta.dirname, '../../docs/endpoints/protocol.md')

/** Upgrades that the package's clients ask for; their addresses stand in its code, not in its types. */
const sockets = [
  '/realtime?model=gpt-realtime',
  '/realtime?intent=transcription',
  '/realtime/translations?model=gpt-realtime-translate',
]

/** Asked for by browsers, as OpenAI's guide on translation shows; the package has no function for it. */
const guidePaths = [{ method: 'POST', path: '/realtime/translations/calls' }]

/** Makes the page. @throws Error with the rows that are refused, or not served, without a reason */
export async function renderProtocol(stage: Stage, sdk: SdkProtocol): Promise<string> {
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
  return `${[
    '# The protocol, name by name',
    `Every address, event and field of the Realtime API in the type files of \`openai\` ${sdk.version}, and what the gateway and\nthe simulator do with each. \`npm run protocol-table\` writes this page; a test fails when a new version of the package adds a name.`,
    'If client and upstream speak the same dialect, nothing is changed: frames pass byte for byte, with fields that this table does\nnot list. *Preview* says what happens to a name between GA and the preview of 2024-25, in either direction; a name that is\n*left out* has no counterpart.',
    '## Addresses, below `/v1` and `/openai/v1`',
    table(['address', 'gateway', 'simulator', 'why'], addresses),
    '## What clients send',
    table(['event', 'fields', 'preview', 'simulator', 'why'], messages),
    '## What servers send',
    table(['event', 'fields', 'preview', 'simulator', 'why'], events),
    '## Fields of a session',
    table(['field', 'preview', 'simulator', 'why'], realtime),
    '## Fields of a transcription session',
    table(['field', 'preview', 'simulator', 'why'], transcription),
    '## Fields of `response.create`',
    'Items in `input` are those of `conversation.item.create`.',
    table(['field', 'preview', 'simulator', 'why'], response),
    '## Live translation',
    'A protocol of its own, at `/realtime/translations`: the gateway passes it through, the preview does not have it. See\n[transcription and translation](transcription.md).',
    table(['client event', 'fields', 'simulator', 'why'], translation.messages),
    table(['server event', 'fields', 'simulator', 'why'], translation.events),
    table(['field of a session', 'simulator', 'why'], translation.fields),
    '## What is lost between the dialects',
    `Between a client of one dialect and an upstream of the other, this and no more. Values of every variant of both type
sets of the package are translated there and back to see to it (\`tests/fuzz/dialect.test.ts\`).`,
    table(
      ['from', 'what', 'becomes', 'why'],
      losses.map(({ leg, what, becomes, why }) => [leg, what, becomes, why]),
    ),
    'What passes although the other type set does not have it:',
    table(
      ['from', 'what', 'why'],
      exceptions.map(({ leg, what, why }) => [leg, what, why]),
    ),
  ].join('\n\n')}\n`
}

/** Reads the page as it is. */
export function readPage(): string {
  return readFileSync(file, 'utf8')
}

/** Writes it. */
export function writePage(text: string): void {
  writeFileSync(file, text)
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

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}
