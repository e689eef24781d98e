/** The microphone: asks for it, and says in words why there is none. */
import { say } from '../language/language.ts'
import { chosenDevice } from './devices.ts'

/** `busy`: another program holds it. `unavailable`: this page may not ask, as it was not loaded securely. */
export type MicrophoneFault = 'refused' | 'missing' | 'busy' | 'unavailable'

/** There is no microphone for this page now. */
export class NoMicrophone extends Error {
  override name = 'NoMicrophone'
  readonly fault: MicrophoneFault

  constructor(fault: MicrophoneFault, cause?: unknown) {
    super(microphoneAdvice(fault), { cause })
    this.fault = fault
  }
}

const faultOf: Record<string, MicrophoneFault> = {
  NotAllowedError: 'refused',
  SecurityError: 'refused',
  NotFoundError: 'missing',
  OverconstrainedError: 'missing',
  NotReadableError: 'busy',
}

/**
 * Asks the person for the microphone.
 * @throws NoMicrophone with what to do about it
 */
export async function openMicrophone(): Promise<MediaStream> {
  // The DOM library promises devices; browsers give them in secure contexts only.
  const devices: MediaDevices | undefined = navigator.mediaDevices
  if (!devices) throw new NoMicrophone('unavailable')
  const chosen = chosenDevice('microphone')
  try {
    return await devices.getUserMedia({
      audio: {
        channelCount: 1,
        echoCancellation: true,
        noiseSuppression: true,
        autoGainControl: true,
        // One that is not there any more is no fault: the default takes its place.
        ...(chosen !== '' && { deviceId: { ideal: chosen } }),
      },
    })
  } catch (cause) {
    const name = cause instanceof DOMException ? cause.name : ''
    throw new NoMicrophone(faultOf[name] ?? 'busy', cause)
  }
}

/** What went wrong with the microphone, and what to do. */
export function microphoneAdvice(fault: MicrophoneFault): string {
  const words = {
    refused: 'The microphone is not allowed here. Allow it beside the address, then try again.',
    missing: 'No microphone was found. Plug one in, then try again.',
    busy: 'Another program holds the microphone. Close it there, then try again.',
    unavailable: 'Browsers give a microphone to secure pages only: open this page by https or on localhost.',
  } as const
  return say(words[fault])
}

/** Lets go of a microphone: the browser's sign for it goes out. */
export function closeStream(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop()
}
