/** A conversation as a file: text for people, JSON for programs. */
import { say } from '../language/language.ts'
import { type TurnRecord, talkOf, wordsOf } from './turn-record.ts'

/** One paragraph a turn. */
export function toText(turns: readonly TurnRecord[]): string {
  return talkOf(turns)
    .map(turn => `${turn.role === 'user' ? say('You') : say('Assistant')}: ${wordsOf(turn)}`)
    .join('\n\n')
}

/** All that is known of each turn. */
export function toJson(turns: readonly TurnRecord[]): string {
  const shown = turns.map(({ at, ...turn }) => ({ at: new Date(at).toISOString(), ...turn }))
  return JSON.stringify({ turns: shown }, null, 2)
}

/** Hands a file to the browser's downloads. @param ending without its dot */
export function download(content: string, type: string, ending: string): void {
  const url = URL.createObjectURL(new Blob([content, '\n'], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = `conversation-${new Date().toISOString().replace(/[:.]/g, '-')}.${ending}`
  link.click()
  URL.revokeObjectURL(url)
}
