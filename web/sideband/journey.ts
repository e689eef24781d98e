/** From nothing to a controlled call and back: what has been done, what comes next. Nothing of the page is touched here. */

import { Refused } from '../access/access.ts'
import { say } from '../language/language.ts'
import { Connection, type ConnectionState } from '../page/connection.ts'
import type { RealtimeEvent } from '../page/realtime-event.ts'
import { type SidebandApi, wordsOf } from './api.ts'
import { Call, type CallListeners } from './call.ts'
import { type ControlMessage, readControlMessage } from './control-messages.ts'
import type { StepName, StepState } from './steps.ts'

/** What a journey tells. */
export interface JourneyListeners extends Omit<CallListeners, 'onEnd'> {
  onStep(step: StepName, state: StepState, words?: string): void
  onControl(message: ControlMessage): void
  onControlState(state: ConnectionState): void
  onDialFailed(): void
  onCallEnd(reason: string): void
  /** A step failed. */
  onFault(words: string): void
}

/** One session, its call and its control connection. */
export class Journey {
  readonly #api: SidebandApi
  readonly #listeners: JourneyListeners
  #sessionId = ''
  #call: Call | undefined
  #control: Connection<ControlMessage> | undefined

  constructor(api: SidebandApi, listeners: JourneyListeners) {
    this.#api = api
    this.#listeners = listeners
  }

  /** Does one step. */
  async run(step: StepName, instructions: () => string): Promise<boolean> {
    const { onStep, onFault } = this.#listeners
    onStep(step, 'working')
    try {
      if (step === 'session') await this.#createSession()
      else if (step === 'call') await this.#connectCall(instructions())
      else this.#connectControl()
      return true
    } catch (cause) {
      const words = wordsOf(cause)
      const isSpent = step === 'call' && this.#sessionId === ''
      onStep(step, isSpent ? 'ended' : 'failed', words)
      onFault(words)
      return false
    }
  }

  /** Controls a call that came by telephone: there is no WebRTC of this page in it. */
  join(sessionId: string): void {
    const { onStep } = this.#listeners
    this.#sessionId = sessionId
    onStep('session', 'done', sessionId)
    onStep('call', 'elsewhere')
    onStep('control', 'working')
    this.#connectControl()
  }

  /** Sends by the data channel; false where there is no call. */
  sendByChannel(event: RealtimeEvent): boolean {
    return this.#call?.send(event) ?? false
  }

  /** Sends by control; false where it is not connected. */
  sendByControl(command: RealtimeEvent): boolean {
    return this.#control?.send(command) ?? false
  }

  setMicrophone(on: boolean): Promise<void> {
    return this.#call?.setMicrophone(on) ?? Promise.resolve()
  }

  /** Skips what is left of a wait for the control connection. */
  retryNow(): void {
    this.#control?.retryNow()
  }

  /** The page goes: the other side need not wait for it. */
  leave(): void {
    this.#call?.close()
  }

  /** Ends the call for all who are in it. */
  async hangUp(): Promise<void> {
    const sessionId = this.#sessionId
    this.#call?.close()
    this.#callEnded(say('you hung up'))
    await this.#api.hangUp(sessionId).catch((cause: unknown) => {
      this.#listeners.onFault(
        say('The gateway could not end the call on the other side: {cause}', { cause: wordsOf(cause) }),
      )
    })
  }

  async #createSession(): Promise<void> {
    this.#sessionId = await this.#api.createSession()
    this.#listeners.onStep('session', 'done', this.#sessionId)
    this.#listeners.onStep('call', 'next')
  }

  async #connectCall(instructions: string): Promise<void> {
    const { onStep } = this.#listeners
    const call = new Call({
      ...this.#listeners,
      onEnd: reason => this.#call === call && this.#callEnded(reason),
    })
    let callId = ''
    const exchange = async (sdp: string) => {
      const answer = await this.#api.offer(sdp, this.#sessionId, instructions)
      callId = answer.callId
      return answer.sdp
    }
    await call.connect(exchange).catch(async cause => {
      if (callId !== '') await this.#giveUpSession()
      throw cause
    })
    this.#call = call
    onStep('call', 'done', callId)
    onStep('control', 'next')
  }

  /** A session has one call; this one is running, and nobody will come to it. */
  async #giveUpSession(): Promise<void> {
    const sessionId = this.#sessionId
    this.#sessionId = ''
    this.#listeners.onStep('session', 'next')
    await this.#api.hangUp(sessionId).catch(() => {})
  }

  #connectControl(): void {
    const sessionId = this.#sessionId
    const { onControl, onDialFailed } = this.#listeners
    this.#control = new Connection<ControlMessage>({
      address: () => this.#api.controlAddress(sessionId),
      heartbeat: { type: 'heartbeat' },
      read: readControlMessage,
      onMessage: message => {
        onControl(message)
        if (message.type === 'sideband_connected') this.#listeners.onStep('control', 'done')
        if (message.type === 'call_ended') this.#callEnded(message.reason)
      },
      onState: state => this.#controlOnState(state, sessionId),
      onDialFailed,
    })
    this.#control.open()
  }

  #controlOnState(state: ConnectionState, sessionId: string): void {
    this.#listeners.onControlState(state)
    if (state.phase !== 'waiting') return
    this.#listeners.onStep('control', 'working', say('the connection went; trying again'))
    this.#lookUp(sessionId).catch((cause: unknown) => {
      if (cause instanceof Refused && cause.status === 404) this.#controlGone(sessionId)
    })
  }

  /** A refused socket does not say why: the session does. */
  async #lookUp(sessionId: string): Promise<void> {
    const session = await this.#api.session(sessionId)
    if (session.ended_at && sessionId === this.#sessionId)
      this.#callEnded(session.ended_reason ?? say('the call is over'))
  }

  /** The gateway has forgotten the session, and can no longer join its call; the two that talk still can. */
  #controlGone(sessionId: string): void {
    if (sessionId !== this.#sessionId) return
    this.#control?.close()
    this.#control = undefined
    this.#listeners.onStep('control', 'ended', say('the gateway no longer knows this session'))
  }

  #callEnded(reason: string): void {
    if (this.#sessionId === '') return
    this.#sessionId = ''
    const { onStep, onCallEnd } = this.#listeners
    const [call, control] = [this.#call, this.#control]
    this.#call = undefined
    this.#control = undefined
    call?.close()
    control?.close()
    onStep('session', 'next')
    onStep('call', 'ended', reason)
    onStep('control', 'ended')
    onCallEnd(reason)
  }
}
