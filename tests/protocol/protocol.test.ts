/** The page of the protocol says what the installed `openai` package has and what is done with it. */
import test from 'ava'
import { texts, wordsOfVerdicts } from './japanese.ts'
import { reasonOf } from './reasons.ts'
import { readSdkProtocol } from './sdk-types.ts'
import { readPage, readRows, renderPage } from './table.ts'
import {
  eventForPreview,
  eventOfTranslation,
  fieldAtSimulator,
  fieldBeforePreview,
  fieldOfTranslation,
  messageAtSimulator,
  messageBeforePreview,
  messageInTranslation,
} from './verdicts.ts'

const sdk = readSdkProtocol()

test('the pages of the protocol are what `npm run protocol-table` writes', async t => {
  const rows = await readRows(t, sdk)
  t.is(readPage('en'), renderPage(rows, 'en'))
  t.is(readPage('ja'), renderPage(rows, 'ja'))
})

test('a sentence without a Japanese text stops the Japanese page, and only that one', async t => {
  const rows = await readRows(t, sdk)
  const grown = {
    ...rows,
    losses: [...rows.losses, ['GA to preview', '`scent`', 'left out', 'Nobody smells it']],
  }
  t.notThrows(() => renderPage(grown, 'en'))
  t.throws(() => renderPage(grown, 'ja'), { message: /has no text for: Nobody smells it$/ })
})

test('no Japanese text is left of a sentence that the page no longer has', async t => {
  const english = renderPage(await readRows(t, sdk), 'en')
    .replaceAll('\n', ' ')
    .replaceAll(sdk.version, 'VERSION')
  const unused = Object.keys(texts).filter(text => !wordsOfVerdicts.has(text) && !english.includes(text))
  t.deepEqual(unused, [])
})

test('an event, a field or a path that a new version adds is missing from the page', async t => {
  const added = { type: 'response.smell.delta', fields: ['delta'] }
  const grown = [
    { ...sdk, clientEvents: [...sdk.clientEvents, { type: 'session.refresh', fields: [] }] },
    { ...sdk, serverEvents: [...sdk.serverEvents, added] },
    { ...sdk, sessionFields: [...sdk.sessionFields, 'audio.output.scent'] },
    {
      ...sdk,
      translation: {
        ...sdk.translation,
        clientEvents: [...sdk.translation.clientEvents, { type: 'session.refresh', fields: [] }],
      },
    },
    { ...sdk, translation: { ...sdk.translation, serverEvents: [...sdk.translation.serverEvents, added] } },
    {
      ...sdk,
      translation: {
        ...sdk.translation,
        sessionFields: [...sdk.translation.sessionFields, 'audio.output.scent'],
      },
    },
    { ...sdk, paths: [...sdk.paths, { method: 'POST', path: '/realtime/calls/{callID}/hold' }] },
  ]
  for (const each of grown) {
    // Nobody has said yet why it is not served.
    await t.throwsAsync(readRows(t, each), {
      message:
        /says of none of these why: (session\.refresh|response\.smell\.delta|audio\.output\.scent|POST \/realtime\/calls\/\{callID\}\/hold)$/,
    })
  }
})

test('the types are read whole: known names of each kind are there', t => {
  t.true(sdk.clientEvents.some(({ type }) => type === 'conversation.item.truncate'))
  t.deepEqual(sdk.serverEvents.find(({ type }) => type === 'response.output_audio.delta')?.fields, [
    'content_index',
    'delta',
    'item_id',
    'output_index',
    'response_id',
  ])
  for (const path of [
    'audio.input.turn_detection.eagerness',
    'tools[].require_approval.always.tool_names',
    'type',
  ])
    t.true(sdk.sessionFields.includes(path), path)
  t.true(sdk.paths.some(({ path }) => path === '/realtime/calls/{callID}/hangup'))
})

test('verdicts are found by trying', t => {
  t.is(messageBeforePreview('session.update'), 'translated')
  t.is(messageBeforePreview('input_audio_buffer.append'), 'as it is')
  t.is(messageAtSimulator('response.cancel'), 'taken')
  t.is(messageAtSimulator('session.refresh'), 'refused')
  t.is(eventForPreview('response.output_text.delta'), 'translated: `response.text.delta`')
  t.is(eventForPreview('mcp_list_tools.completed'), 'left out')
  t.is(eventForPreview('rate_limits.updated'), 'as it is')
  t.is(fieldBeforePreview('audio.output.voice', false), '`voice`')
  t.is(fieldBeforePreview('instructions', false), 'as it is')
  t.is(fieldBeforePreview('tracing', false), 'left out')
  t.is(fieldAtSimulator('audio.input.turn_detection.eagerness', false), 'known')
  t.is(fieldAtSimulator('audio.input.turn_detection.patience', false), 'refused')
  t.is(messageInTranslation('session.close'), 'taken')
  t.is(messageInTranslation('response.create'), 'refused')
  t.is(eventOfTranslation('session.closed'), 'sent')
  t.is(eventOfTranslation('response.done'), 'not sent')
  t.is(fieldOfTranslation('audio.output.language'), 'known')
  t.is(fieldOfTranslation('audio.output.voice'), 'refused')
  t.is(reasonOf('nobody-has-named-this'), null)
})
