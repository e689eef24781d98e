/** Speech from the microphone as PCM16 chunks of 40 ms. */
import { say } from '../language/language.ts'
import workletUrl from './capture.worklet.ts?worker&url'
import { closeStream, openMicrophone } from './microphone.ts'

/** One open microphone. */
export interface Capture {
  readonly analyser: AnalyserNode
  /** Closes the microphone. Safe to call twice. */
  stop(): void
}

/**
 * Opens the microphone.
 * @param onChunk called with 40 ms of PCM16 at 24 kHz
 * @param onLost the device went away by itself
 * @throws NoMicrophone, or Error, with what to do about it
 */
export async function startCapture(
  onChunk: (samples: Int16Array<ArrayBuffer>) => void,
  onLost: () => void,
): Promise<Capture> {
  const stream = await openMicrophone()
  const context = new AudioContext({ latencyHint: 'interactive' })
  const stop = () => {
    closeStream(stream)
    if (context.state !== 'closed') context.close().catch(() => {})
  }
  try {
    await context.audioWorklet.addModule(workletUrl).catch((cause: unknown) => {
      // A page that is older than the gateway names a file that is gone.
      throw new Error(
        say('What the microphone needs could not be loaded. Reload the page, then try again.'),
        { cause },
      )
    })
    const node = new AudioWorkletNode(context, 'pcm-capture', { numberOfOutputs: 0, channelCount: 1 })
    node.port.onmessage = ({ data }: MessageEvent<Int16Array<ArrayBuffer>>) => onChunk(data)
    const analyser = new AnalyserNode(context, { fftSize: 1024 })
    new MediaStreamAudioSourceNode(context, { mediaStream: stream }).connect(analyser).connect(node)
    for (const track of stream.getAudioTracks()) track.onended = onLost
    await context.resume()
    return { analyser, stop }
  } catch (cause) {
    stop()
    throw cause
  }
}
