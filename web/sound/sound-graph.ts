/** The Web Audio nodes of the page: player → analyser → volume → loudspeaker. */
import { pcmRate } from './pcm.ts'
import type { PlaybackCommand, PlaybackReport } from './playback.worklet.ts'
import workletUrl from './playback.worklet.ts?worker&url'
import { ScheduledPlayer } from './scheduled-player.ts'

const muteRampSec = 0.01

type OnReport = (report: PlaybackReport) => void

/** One audio context with its nodes. */
export interface SoundGraph {
  readonly analyser: AnalyserNode
  command(command: PlaybackCommand): void
  setMuted(muted: boolean): void
}

/**
 * Makes the player in `context` and joins the nodes.
 * @param context at the PCM rate
 * @param onReport called with each report of the player
 * @throws DOMException where the browser refuses the audio thread's program
 */
export async function joinSoundGraph(context: AudioContext, onReport: OnReport): Promise<SoundGraph> {
  const gain = new GainNode(context)
  const analyser = new AnalyserNode(context, { fftSize: 512 })
  analyser.connect(gain).connect(context.destination)
  // The DOM library promises a worklet; browsers give it in secure contexts only.
  const worklets: AudioWorklet | undefined = context.audioWorklet
  const player = worklets
    ? await threadPlayer(context, analyser, onReport)
    : new ScheduledPlayer(analyser, pcmRate, onReport)
  return {
    analyser,
    command: command => player.command(command),
    setMuted: muted => gain.gain.setTargetAtTime(muted ? 0 : 1, context.currentTime, muteRampSec),
  }
}

async function threadPlayer(context: AudioContext, out: AudioNode, onReport: OnReport) {
  await context.audioWorklet.addModule(workletUrl)
  const node = new AudioWorkletNode(context, 'pcm-playback', { numberOfInputs: 0, outputChannelCount: [1] })
  node.connect(out)
  node.port.onmessage = ({ data }: MessageEvent<PlaybackReport>) => onReport(data)
  return {
    command: (command: PlaybackCommand) => {
      const moved = command.type === 'samples' ? [command.samples.buffer] : []
      node.port.postMessage(command, moved)
    },
  }
}
