import test from 'ava'
import { namesServed } from '../../runtime/models/availability.ts'
import {
  defaultSpeechModel,
  defaultTurnTranscription,
  findModel,
  models,
  namesAtOpenai,
} from '../../runtime/models/models.ts'
import {
  type ConfiguredModel,
  retirementNoticeDays,
  warnOfPreviews,
  warnOfRetirements,
} from '../../runtime/models/warnings.ts'
import { isReasoningModel } from '../../runtime/simulator/session/defaults.ts'

test('every name of the table is one model, and every day is one of the calendar', t => {
  const names = models.flatMap(({ name, snapshots }) => [name, ...snapshots])
  t.deepEqual(names, [...new Set(names)])
  for (const { name, openai, azure } of models) {
    t.is(new Set(azure.map(({ version }) => version)).size, azure.length, name)
    for (const { retiredOn = '2027-01-01' } of [...azure, ...(openai === null ? [] : [openai])])
      t.is(new Date(retiredOn).toISOString().slice(0, 10), retiredOn, name)
  }
})

test('a snapshot of a model is that model, and a name that only begins like one is not', t => {
  t.is(findModel('gpt-realtime-mini-2025-12-15')?.name, 'gpt-realtime-mini')
  t.is(findModel('gpt-4o-realtime-preview-2024-12-17')?.dialect, 'preview')
  t.is(findModel('gpt-realtime-'), undefined)
  t.is(findModel('constructor'), undefined)
})

test('the defaults are models of their kind, generally available at OpenAI, whose end is not announced', t => {
  t.like(findModel(defaultSpeechModel), { kind: 'speech', dialect: 'ga', openai: { state: 'ga' } })
  t.like(findModel(defaultTurnTranscription), { kind: 'transcription', openai: { state: 'ga' } })
  for (const name of [defaultSpeechModel, defaultTurnTranscription])
    t.is(findModel(name)?.openai?.retiredOn, undefined)
})

test('the simulator gives the shape of a reasoning model to those that reason', t => {
  for (const name of namesAtOpenai('speech'))
    t.true(isReasoningModel(name) === findModel(name)?.reasons, name)
})

const rows: [model: Partial<ConfiguredModel> & { name: string }, day: string, warning: string | null][] = [
  [{ name: 'gpt-realtime' }, '2026-09-21', null],
  [
    { name: 'gpt-realtime' },
    '2026-09-22',
    'At OpenAI, gpt-realtime is retired on 2027-01-20, in 120 days: A',
  ],
  [
    { name: 'gpt-realtime' },
    '2027-01-19T23:59:59Z',
    'At OpenAI, gpt-realtime is retired on 2027-01-20, in 1 day: A',
  ],
  [{ name: 'gpt-realtime' }, '2027-01-20', 'At OpenAI, gpt-realtime was retired on 2027-01-20: A'],
  [
    { name: 'gpt-realtime-2025-08-28' },
    '2027-01-01',
    'At OpenAI, gpt-realtime-2025-08-28 is retired on 2027-01-20, in 19 days: A',
  ],
  [{ name: 'gpt-4o-realtime-preview' }, '2026-09-21', 'At OpenAI, gpt-4o-realtime-preview is retired: A'],
  [{ name: 'gpt-realtime-2.1' }, '2030-01-01', null],
  [{ name: 'gpt-5-realtime' }, '2030-01-01', null],
  [{ name: 'gpt-realtime', vendor: 'azure' }, '2026-11-01', null],
  [
    { name: 'gpt-realtime', vendor: 'azure', version: '2025-08-28' },
    '2026-11-02',
    'On Azure, gpt-realtime 2025-08-28 is retired on 2027-03-02, in 120 days: A',
  ],
  [{ name: 'gpt-realtime', vendor: 'azure', version: '2030-01-01' }, '2030-01-02', null],
  [{ name: 'gpt-4o-mini-transcribe', vendor: 'azure' }, '2026-11-28', null],
  [
    { name: 'gpt-realtime-mini', vendor: 'azure' },
    '2026-11-28',
    'On Azure, gpt-realtime-mini is retired on 2026-12-15, in 17 days: A',
  ],
  [{ name: 'gpt-live-1', vendor: 'azure' }, '2026-11-28', null],
]

for (const [{ name, vendor = 'openai', version }, day, warning] of rows) {
  test(`${vendor} ${name} ${version ?? ''} on ${day}: ${warning ?? 'nothing to warn of'}`, t => {
    const model = { name, vendor, ...(version !== undefined && { version }), advice: 'A' }
    t.deepEqual(warnOfRetirements([model], new Date(day)), warning === null ? [] : [warning])
  })
}

test('a model is warned of for 120 days', t => {
  t.is(retirementNoticeDays, 120)
})

test('a preview is named as one', t => {
  const azure = (name: string, version: string) => ({ vendor: 'azure', name, version, advice: 'A' }) as const
  t.deepEqual(
    warnOfPreviews([azure('gpt-realtime-2.1', '2026-07-07'), azure('gpt-realtime-1.5', '2026-02-23')]),
    ['On Azure, gpt-realtime-2.1 2026-07-07 is a preview, without a service level: A'],
  )
})

for (const [vendor, days, today, names] of [
  ['openai', 365, '2026-11-28', ['gpt-transcribe', 'gpt-live-transcribe', 'gpt-realtime-whisper']],
  ['azure', 365, '2026-11-28', ['gpt-live-transcribe', 'gpt-realtime-whisper']],
  [
    'azure',
    0,
    '2026-11-28',
    [
      'gpt-live-transcribe',
      'gpt-realtime-whisper',
      'gpt-4o-mini-transcribe',
      'gpt-4o-transcribe-diarize',
      'whisper',
    ],
  ],
  ['openai', 0, '2027-02-26', ['gpt-transcribe', 'gpt-live-transcribe', 'gpt-realtime-whisper']],
] as const) {
  test(`transcribers that ${vendor} serves for ${days} days from ${today}`, t => {
    t.deepEqual(namesServed('transcription', vendor, new Date(today), days), [...names])
  })
}

test('one day before its last a model is served, with its snapshots at OpenAI', t => {
  const names = namesServed('transcription', 'openai', new Date('2027-02-25'), 0)
  t.true(names.includes('whisper-1') && names.includes('gpt-4o-mini-transcribe-2025-12-15'))
})
