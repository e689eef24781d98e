/** The sound of the answers: unlocks the audio context, feeds the audio thread, knows what was heard. */

import { useChosenLoudspeaker } from './devices.ts'
import { decodePcm16, pcmRate, samplesToMs } from './pcm.ts'
import type { PlaybackCommand, PlaybackReport } from './playback.worklet.ts'
import { joinSoundGraph, type SoundGraph } from './sound-graph.ts'

/** Commands that may wait for the audio thread's program to load; those past it are not played. */
const maxWaitingCommands = 2000
/** An audio context that may run does so well before this. */
const blockedAfterMs = 700

/**
 * `locked`: no gesture yet. `starting`: asked for. `on`: audible. `blocked`: the browser holds the sound back,
 * another gesture may free it. `unavailable`: this browser gives no audio at all.
 */
export type SoundState = 'locked' | 'starting' | 'on' | 'blocked' | 'unavailable'

/** The current answer's sound. `level` is a root mean square from 0 to 1. */
export interface Playing {
  playing: boolean
  playedMs: number
  level: number
  underruns: number
}

/** What the player tells. */
export interface PlaybackListeners {
  onSound(state: SoundState): void
  onPlaying(playing: Playing): void
}

/** The player. No audio context exists before the first `unlock`. */
export class Playback {
  readonly #listeners: PlaybackListeners
  readonly #waiting: PlaybackCommand[] = []
  /** The current answer's samples. */
  #counts = { answer: 0, received: 0, played: 0, dropped: 0, silenced: false }
  #context: AudioContext | undefined
  #graph: SoundGraph | undefined
  #state: SoundState = 'locked'
  #muted = false

  constructor(listeners: PlaybackListeners) {
    this.#listeners = listeners
  }

  /** Starts or resumes the audio context. Call it in a gesture's event: browsers refuse sound elsewhere. */
  unlock(): void {
    if (this.#state === 'locked' || this.#state === 'unavailable')
      this.#start().catch(cause => this.#fail(cause))
    else if (this.#state === 'blocked') this.#context?.resume().catch(() => this.#enter('blocked'))
  }

  /** A new answer begins: what is left of the last one is dropped, counts start at 0. */
  beginAnswer(): void {
    const answer = this.#counts.answer + 1
    this.#counts = { answer, received: 0, played: 0, dropped: 0, silenced: false }
    this.#waiting.length = 0
    this.#command({ type: 'answer', answer })
  }

  /** Queues one chunk of the answer: base64 of PCM16, little endian, mono, 24 kHz. */
  push(base64: string): void {
    if (this.#state === 'locked' || this.#state === 'unavailable') return
    const samples = decodePcm16(base64)
    this.#counts.received += samples.length
    this.#command({ type: 'samples', samples })
  }

  /** The answer has no more chunks to come. */
  finishAnswer(): void {
    this.#command({ type: 'finish' })
  }

  /**
   * Silences the answer within one audio block.
   * @returns how much of it was heard (ms); undefined where nothing was left to play or nobody could hear it
   */
  stop(): number | undefined {
    const wasPlaying = this.playing()
    this.#counts.silenced = true
    this.#command({ type: 'stop' })
    if (!wasPlaying || this.#muted || !this.#context) return undefined
    return heardMs(this.#counts.played, this.#context)
  }

  /** Sends the sound to the loudspeaker that is chosen now. */
  useLoudspeaker(): void {
    if (this.#context) void useChosenLoudspeaker(this.#context)
  }

  /** Whether sound reaches the person. */
  get isAudible(): boolean {
    return this.#state === 'on' && !this.#muted
  }

  setMuted(muted: boolean): void {
    this.#muted = muted
    this.#graph?.setMuted(muted)
  }

  /** Whether part of the answer is still to be played. */
  playing(): boolean {
    const { received, played, dropped, silenced } = this.#counts
    return this.#state === 'on' && !silenced && received > played + dropped
  }

  /** For pictures of the sound; undefined until the sound is on. */
  analyser(): AnalyserNode | undefined {
    return this.#graph?.analyser
  }

  async #start(): Promise<void> {
    this.#enter('starting')
    const context = new AudioContext({ sampleRate: pcmRate, latencyHint: 'interactive' })
    this.#context = context
    await useChosenLoudspeaker(context)
    const graph = await joinSoundGraph(context, report => this.#audioThreadOnReport(report))
    this.#graph = graph
    graph.setMuted(this.#muted)
    for (const held of this.#waiting.splice(0)) graph.command(held)
    const showState = () => this.#enter(context.state === 'running' ? 'on' : 'blocked')
    context.onstatechange = showState
    if (context.state === 'running') showState()
    else window.setTimeout(showState, blockedAfterMs)
  }

  #enter(state: SoundState): void {
    if (this.#state === state) return
    this.#state = state
    this.#listeners.onSound(state)
  }

  #fail(cause: unknown): void {
    console.info('Sound is unavailable:', cause)
    this.#context?.close().catch(() => {})
    this.#context = undefined
    this.#waiting.length = 0
    this.#enter('unavailable')
  }

  #command(command: PlaybackCommand): void {
    if (this.#graph) this.#graph.command(command)
    else if (this.#waiting.length < maxWaitingCommands) this.#waiting.push(command)
  }

  #audioThreadOnReport({ answer, played, dropped, level, underruns }: PlaybackReport): void {
    if (answer !== this.#counts.answer) return
    this.#counts.played = played
    this.#counts.dropped = dropped
    const playing = this.playing()
    this.#listeners.onPlaying({
      playing,
      playedMs: samplesToMs(played),
      level: playing ? level : 0,
      underruns,
    })
  }
}

/** What the audio thread has played is heard one output latency later (tens of ms, more with Bluetooth). */
function heardMs(samples: number, context: AudioContext): number {
  const latencyMs = (context.outputLatency || 0) * 1000
  return Math.max(0, Math.round(samplesToMs(samples) - latencyMs))
}
