/** How the microphone is used. `held`: the person's finger says when the turn is over. */
export type SpeechMode = 'off' | 'open' | 'held'
