/** Whose turn it is: one state for the whole conversation, made of what the parts of the page know. */
import type { Words } from '../language/language.ts'
import type { SpeechMode } from '../sound/speech-mode.ts'
import type { Turn } from './talk-parts.ts'

/** What there is to know. */
export interface TalkStatus {
  mode: SpeechMode
  /** The microphone is there. */
  isOn: boolean
  isConnected: boolean
  /** The server hears the person speak. */
  isHeard: boolean
  turn: Turn
  /** An answer sounds. */
  isPlaying: boolean
  /** The name of the tool that runs on the server; '' while none does. */
  tool: string
  /** The model has been silent for longer than usual. */
  isSlow: boolean
}

export const restingStatus: TalkStatus = {
  mode: 'off',
  isOn: false,
  isConnected: false,
  isHeard: false,
  turn: 'idle',
  isPlaying: false,
  tool: '',
  isSlow: false,
}

/** For the picture of the voice. */
export type VoiceState = 'idle' | 'waiting' | 'listening' | 'hearing' | 'thinking' | 'tool' | 'speaking'

/** The state of the conversation, and the same in words. */
export function talkState(status: TalkStatus): readonly [VoiceState, Words] {
  const { mode, isOn, isConnected, isHeard, turn, isPlaying, tool, isSlow } = status
  const isTalking = mode !== 'off'
  if (isTalking && !isOn) return ['waiting', 'Opening the microphone']
  if (mode === 'held') return ['hearing', 'You are speaking; let go to send']
  if (isHeard) return ['hearing', 'You are speaking']
  if (isPlaying) return ['speaking', isTalking ? 'Speaking; talk to interrupt' : 'Speaking']
  if (!isConnected) return ['waiting', 'Waiting for the connection']
  if (tool !== '') return ['tool', 'Working: {tool}']
  if (turn === 'asked') return ['thinking', isSlow ? 'The model has not answered yet' : 'Thinking']
  if (turn === 'answering') return ['thinking', 'Answering']
  return isTalking ? ['listening', 'Listening'] : ['idle', 'Ready']
}
