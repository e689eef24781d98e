/** The buttons with which a person speaks. */
import { say, type Words } from '../language/language.ts'
import { secondsWords } from '../page/figures.ts'
import { joinHold } from '../page/hold-button.ts'
import { part } from '../page/page.ts'
import { readAudioFile } from '../sound/audio-file.ts'
import { showLevel } from '../sound/meter.ts'
import { samplesToMs } from '../sound/pcm.ts'
import type { SpeechMode } from '../sound/speech-mode.ts'
import { Waveform } from '../sound/waveform.ts'
import { Speech, type SpeechListeners } from './speech.ts'

const modeWords: Record<SpeechMode, Words> = {
  off: 'The microphone is off.',
  open: 'The microphone is open; the server hears where a turn ends.',
  held: 'Speak now; let go when you are done.',
}

/**
 * Joins the buttons.
 * @param onGesture called in a gesture's event: sound may be unlocked there
 */
export function createSpeech(send: SpeechListeners['send'], onGesture: () => void): Speech {
  const open = part('#open-microphone', HTMLButtonElement)
  const words = part('#speak-words', HTMLElement)
  const fault = part('#speak-fault', HTMLElement)
  const speech = new Speech({
    send,
    onMode: createModeView(),
    onWords: said => {
      words.textContent = said
    },
    onFault: said => {
      fault.textContent = said
    },
  })
  const begin = (start: () => Promise<void>) => {
    fault.textContent = ''
    onGesture()
    start().catch(() => {})
  }
  open.onclick = () => {
    if (open.ariaPressed === 'true') speech.release()
    else begin(() => speech.open())
  }
  joinHold(
    part('#hold', HTMLButtonElement),
    () => begin(() => speech.hold()),
    () => speech.release(),
  )
  joinFile(speech, onGesture, words, fault)
  return speech
}

/** Shows how the microphone is, and what it hears. */
function createModeView(): SpeechListeners['onMode'] {
  const open = part('#open-microphone', HTMLButtonElement)
  const hold = part('#hold', HTMLButtonElement)
  const meter = part('#microphone-level', HTMLMeterElement)
  let stopMeter = () => {}
  let spoken: AnalyserNode | undefined
  const wave = new Waveform(part('#spoken', HTMLCanvasElement), () => spoken)
  return (mode, analyser) => {
    open.ariaPressed = String(mode === 'open')
    open.textContent = say(mode === 'open' ? 'Close microphone' : 'Open microphone')
    open.disabled = mode === 'held'
    hold.ariaPressed = String(mode === 'held')
    // Let go, it would close the open microphone.
    hold.disabled = mode === 'open'
    part('#speak-words', HTMLElement).textContent = say(modeWords[mode])
    spoken = analyser
    wave.run(analyser !== undefined)
    stopMeter()
    stopMeter = analyser ? showLevel(meter, analyser) : () => {}
  }
}

function joinFile(speech: Speech, onGesture: () => void, words: HTMLElement, fault: HTMLElement): void {
  const input = part('#sound-file', HTMLInputElement)
  input.onchange = () => {
    const [file] = input.files ?? []
    if (!file) return
    fault.textContent = ''
    onGesture()
    readAudioFile(file).then(
      samples => {
        speech.sendAll(samples)
        words.textContent = say('{file}: {seconds} s of sound went out.', {
          file: file.name,
          seconds: secondsWords(samplesToMs(samples.length)),
        })
        input.value = ''
      },
      (cause: unknown) => {
        fault.textContent = cause instanceof Error ? cause.message : String(cause)
      },
    )
  }
}
