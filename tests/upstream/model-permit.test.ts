/** Which models a session may name: by what it is for, and by the field. */
import test from 'ava'
import type { GatewayError } from '../../runtime/core/errors.ts'
import {
  checkSessionModel,
  findForbiddenModel,
  type ModelPermit,
  type Purpose,
} from '../../runtime/upstream/model-permit.ts'

const permit: ModelPermit = {
  choice: {
    deployments: ['voice'],
    onRequest: [],
    aliases: [{ matches: name => name.startsWith('gpt-'), deployment: 'voice' }],
  },
  transcription: { conversation: ['scribe', 'whisper'], transcription: ['notes'], translation: [] },
  translation: ['interpreter', 'dragoman'],
}

const names = ['voice', 'gpt-realtime', 'scribe', 'whisper', 'notes', 'interpreter', 'dragoman', 'other']

/** What a session may be called, and what it may write down with. */
const permitted: readonly (readonly [
  purpose: Purpose,
  session: readonly string[],
  transcription: readonly string[],
])[] = [
  ['conversation', ['voice', 'gpt-realtime'], ['scribe', 'whisper']],
  ['transcription', ['notes'], ['notes']],
  ['translation', ['interpreter', 'dragoman'], []],
]

const ga = (model: unknown) => ({ audio: { input: { transcription: { model } } } })
const preview = (model: unknown) => ({ input_audio_transcription: { model } })
const gaParam = 'session.audio.input.transcription.model'
const previewParam = 'session.input_audio_transcription.model'

for (const [purpose, sessionModels, transcriptionModels] of permitted) {
  for (const name of names) {
    const [isModel, isTranscription] = [sessionModels.includes(name), transcriptionModels.includes(name)]
    const may = (is: boolean) => (is ? 'may' : 'may not')
    test(`${purpose}: ${name} ${may(isModel)} be its model, and ${may(isTranscription)} write down`, t => {
      const check = () => checkSessionModel(permit, name, purpose)
      const found = findForbiddenModel(permit, { model: name }, purpose)
      if (isModel) {
        t.notThrows(check)
        t.is(found, null)
      } else {
        t.throws(check, { code: 'model_not_configured' })
        t.like(found, { param: 'session.model', error: { code: 'model_not_configured' } })
      }
      for (const [session, param] of [
        [ga(name), gaParam],
        [preview(name), previewParam],
      ] as const) {
        const refused = findForbiddenModel(permit, session, purpose)
        if (isTranscription) t.is(refused, null)
        else t.like(refused, { param, error: { code: 'model_not_configured' } })
      }
    })
  }
}

test('whoever is refused is told the setting, and what may be named', t => {
  const messageOf = (purpose: Purpose, session: object) =>
    findForbiddenModel(permit, { ...session }, purpose)?.error.message
  t.is(
    messageOf('conversation', ga('other')),
    'The model "other" is not among the TRANSCRIPTION_MODELS of this gateway; use "scribe", "whisper"',
  )
  t.is(
    messageOf('translation', preview('other')),
    'The model "other" is not among the TRANSCRIPTION_MODELS of this gateway; use none',
  )
  t.is(
    messageOf('translation', { model: 'x'.repeat(100) }),
    `The model "${'x'.repeat(64)}" is not among the TRANSLATION_MODELS of this gateway; use "interpreter", "dragoman"`,
  )
})

test('a client may repeat the model that upstream has named, for the session alone', t => {
  t.is(findForbiddenModel(permit, { model: 'other' }, 'conversation', 'other'), null)
  t.is(findForbiddenModel(permit, { model: 'other' }, 'conversation', 'voice')?.param, 'session.model')
  t.is(findForbiddenModel(permit, ga('other'), 'conversation', 'other')?.param, gaParam)
})

/** Sessions, and the field that is no name of a model; null where nothing is named. */
const shapes: readonly (readonly [session: Record<string, unknown>, param: string | null])[] = [
  [{}, null],
  [{ model: null }, null],
  [ga(null), null],
  [preview(undefined), null],
  [{ audio: null }, null],
  [{ audio: 'loud' }, null],
  [{ audio: { input: [] } }, null],
  [{ audio: { input: { transcription: null } } }, null],
  [{ input_audio_transcription: 'scribe' }, null],
  [{ model: 7 }, 'session.model'],
  [{ model: ['voice'] }, 'session.model'],
  [ga(false), gaParam],
  [preview({}), previewParam],
  // The first counts.
  [{ ...preview(7), model: 7 }, previewParam],
  [{ ...preview(7), ...ga(7) }, gaParam],
  [{ ...ga('scribe'), model: 7 }, 'session.model'],
]

for (const [session, param] of shapes) {
  test(`${JSON.stringify(session)} ${param === null ? 'names nothing' : `is refused for ${param}`}`, t => {
    const refused = findForbiddenModel(permit, session, 'conversation')
    if (param === null) return t.is(refused, null)
    t.is(refused?.param, param)
    t.like(refused?.error as GatewayError, {
      code: 'bad_request',
      message: '"model": must be the name of a model',
    })
  })
}

test("a fault of an alias is not the client's", t => {
  const broken: ModelPermit['choice'] = {
    ...permit.choice,
    aliases: [
      {
        matches: () => {
          throw new Error('broken')
        },
        deployment: 'voice',
      },
    ],
  }
  const find = () => findForbiddenModel({ ...permit, choice: broken }, { model: 'other' }, 'conversation')
  t.throws(find, { message: 'broken' })
})
