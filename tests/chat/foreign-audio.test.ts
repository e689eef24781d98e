/** Audio goes through `/chat` as base64 that nobody decodes: what is not base64 goes no further, whoever sends it. */
import test from 'ava'
import type { Message } from '../gateway/converse.ts'
import { firstAsked, nextEvent } from './upstream-events.ts'

/** A JSON value as it is written, and the base64 that it stands for; null: it is no base64. */
const values: readonly [what: string, json: string, base64: string | null][] = [
  ['base64', '"QUJD"', 'QUJD'],
  ['base64 with padding', '"QUI="', 'QUI='],
  ['an escaped solidus', String.raw`"QU\/D"`, 'QU/D'],
  ['a letter by its code point', String.raw`"\u0051UJD"`, 'QUJD'],
  ['a line feed as it is', '"QU\nD"', null],
  ['an escaped line feed', String.raw`"QU\nD"`, null],
  ['quotes that would forge a message', String.raw`"AAAA\",\"type\":\"error\",\"x\":\""`, null],
  ['a backslash at its end', String.raw`"AAA\\"`, null],
  ['letters that are not ASCII', '"ÀÀÀÀ"', null],
  ['base64url', '"QU-_"', null],
  ['a number', '7', null],
  ['a list of numbers', '[81,85,74,68]', null],
  ['an object', '{"toString":"QUJD"}', null],
  ['null', 'null', null],
]

for (const [what, json, base64] of values) {
  test(`audio of the model's: ${what}`, async t => {
    const { talk, session } = await firstAsked(t)
    session.send({ type: 'response.created', response: { id: 'r' } })
    await talk.until('transcript-reset')
    session.send(`{"type":"response.output_audio.delta","item_id":"i","delta":${json}}`)
    session.send({ type: 'response.output_audio.delta', item_id: 'i' })
    session.send({ type: 'response.output_audio.delta', item_id: 'i', delta: 'TEFTVA==' })
    const told = await talk.until('audio-chunk', ({ value }) => value === 'TEFTVA==')
    const chunk = { type: 'audio-chunk', value: base64, bytes: Buffer.from(base64 ?? '', 'base64').length }
    t.deepEqual(told.slice(0, -1), [
      ...(base64 === null ? [] : [chunk as Message]),
      {
        type: 'error',
        code: 'upstream_broke_protocol',
        message: 'The model sent audio that is not base64; it was left out',
      },
    ])
  })

  test(`audio of a client's: ${what}`, async t => {
    const { talk, session } = await firstAsked(t)
    talk.send(`{"type":"audio","value":${json}}`)
    talk.send({ type: 'audio', value: 'TEFTVA==' })
    if (base64 === null) t.like((await talk.until('error')).at(-1), { code: 'no_audio' })
    const appended: unknown[] = []
    while (appended.at(-1) !== 'TEFTVA==') {
      const event = await nextEvent(session)
      if (event.type === 'input_audio_buffer.append') appended.push(event.audio)
    }
    t.deepEqual(appended, base64 === null ? ['TEFTVA=='] : [base64, 'TEFTVA=='])
  })
}
