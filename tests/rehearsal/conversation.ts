/**
 * One conversation over all its sockets: what is said, what comes back, and its phase meanwhile.
 */
import { Answer, type Question } from './answer.ts'
import { Line, type LineOptions } from './channel.ts'
import { type Manner, type Message, toolOutput, weatherTool } from './endpoints.ts'
import { EventTally } from './event-tally.ts'
import { Mouth } from './microphone.ts'
import { type Kind, recall, textOf, turnsNamed, type Voice, weatherIn } from './script.ts'
import { addTally, emptyTally } from './tally.ts'
import type { ClientRecord, Link, Phase, Script, Turn } from './types.ts'
import { Waits } from './waits.ts'

export interface ConversationOptions {
  readonly id: number
  readonly script: Script
  readonly cohort: string
  readonly manner: Manner
  readonly assistant?: LineOptions['assistant']
  /** `ws://host:port`, the proxy's or the deployed gateway's. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** The sounds of every answer; null where nobody knows them beforehand. */
  readonly voice: Voice | null
  /** Milliseconds since the rehearsal's start. */
  readonly now: () => number
  readonly silenceMs?: LineOptions['silenceMs']
  readonly network?: LineOptions['network']
  readonly retry?: LineOptions['retry']
  readonly pingMs?: LineOptions['pingMs']
  /** Asks at the end for all that was said, also before a session that began anew (default: for what its session can know). */
  readonly expectsWholeMemory?: boolean
}

/** So long somebody goes on speaking who hears that the replica goes, or who has come to the next (ms). */
const lastWordsMs = 500

export class Conversation {
  readonly record: ClientRecord
  readonly #options: ConversationOptions
  readonly #line: Line
  #state: 'running' | 'recalling' | 'over' = 'running'
  #kind: Kind = 'repeat'
  readonly #answer: Answer
  #events = new EventTally()
  /** The function call whose output the model still waits for. */
  #pendingCall = ''
  /** Whether upstream has confirmed the tool; null where none is offered. */
  #tool: 'offered' | 'confirmed' | null = null
  /** The user does his part of what is open at once, without being told to. */
  #concludes = false
  /** The model has been given the output of the call that it made for the present turn. */
  #gaveOutput = false
  /** Numbers that a tool on the server has taken. */
  #taken = 0
  readonly #mouth = new Mouth(sound => this.#line.isReady && this.#line.send([sound]))
  /** The first turn that the session on this socket can know of. */
  #knownFrom = 1
  readonly #waits = new Waits()

  constructor(options: ConversationOptions) {
    this.#options = options
    const { id, script, cohort, manner, assistant, url, headers = {}, now } = options
    const { silenceMs, network, retry, pingMs } = options
    this.#line = new Line({
      url,
      headers,
      manner,
      assistant,
      now,
      silenceMs,
      network,
      retry,
      pingMs,
      dialling: () => this.#enter('connecting'),
      ready: fresh => this.#ready(fresh),
      hear: message => this.#hear(message),
      closed: link => this.#closed(link),
      fault: what => this.record.faults.push(what),
      gone: () => this.stop(),
    })
    const { links, dials, gaps } = this.#line
    const counted = { turns: [], events: emptyTally(), cutEvents: 0, unheardWords: 0 }
    this.record = { id, script, cohort, links, dials, phases: [], ...counted, gaps, memory: null, faults: [] }
    this.#answer = new Answer(this.record, options.voice)
  }

  /** Whether an answer is owed. */
  get busy(): boolean {
    return this.#openTurn !== undefined
  }

  /** Whether words of the answer have come. */
  get hasWords(): boolean {
    return this.#answer.words !== ''
  }

  get link(): Link | undefined {
    return this.#line.link
  }

  get phase(): Phase {
    return this.record.phases.at(-1)?.phase ?? 'away'
  }

  /** Nothing more will be said or heard. */
  get isOver(): boolean {
    return this.#state === 'over'
  }

  /** Whether what is said now has somebody to hear it. */
  get isReady(): boolean {
    return this.#line.isReady
  }

  dial(): void {
    this.#line.dial()
  }

  /** Tells the model of the one tool. */
  offerTool(): void {
    this.#tool = 'offered'
    this.#line.send([weatherTool])
  }

  listen(): void {
    this.#mouth.open()
  }

  ask(kind: Kind): void {
    const turn = { number: this.record.turns.length + 1, answeredAt: null, answers: 0, cuts: 0, call: null }
    this.record.turns.push({ ...turn, askedAt: this.#options.now() })
    this.#kind = kind
    this.#say()
  }

  /** Does the user's part of what is open: ends the sentence, gives the tool's output. */
  conclude(): void {
    this.#mouth.hush(0)
    this.#concludes = true
    this.#giveOutput()
  }

  #giveOutput(): void {
    const turn = this.#openTurn
    if (this.#pendingCall === '' || turn === undefined) return
    this.#gaveOutput = true
    this.#line.send(toolOutput(this.#pendingCall, weatherIn(this.#options.id, turn.number)))
    this.#pendingCall = ''
    this.#enter('speaking')
  }

  /** Asks what the model remembers, and writes it down. */
  async recall(): Promise<void> {
    if (this.#state === 'running') this.#state = 'recalling'
    this.#say()
    await this.until(() => this.#state === 'over')
    const known = this.record.turns.filter(turn => turn.number >= this.#knownFrom && !this.#spoken.has(turn))
    const expected = known.map(({ number }) => `${this.#options.id}.${number}`)
    this.record.memory = { expected, remembered: turnsNamed(this.#answer.words) }
  }

  /** Safe to call twice. */
  stop(): void {
    this.#countEvents(this.busy || this.#state === 'recalling')
    this.#leave()
    this.#mouth.close()
    this.#line.stop()
    this.#waits.changed()
  }

  /** Waits for something; a conversation that is over does not wait. */
  until(done: () => boolean): Promise<void> {
    return this.#waits.until(() => done() || this.#state === 'over')
  }

  get #openTurn(): Turn | undefined {
    return this.record.turns.find(({ answeredAt }) => answeredAt === null)
  }
  /** Turns without a text: the model knows that something was said, not what. */
  readonly #spoken = new Set<Turn>()

  #enter(phase: Phase): void {
    if (this.#state !== 'over' && this.phase !== phase)
      this.record.phases.push({ phase, at: this.#options.now() })
  }

  /** Says what has no answer, for the first time or again. */
  #say(): void {
    const turn = this.#openTurn
    if (this.#state === 'recalling') this.#line.send(this.#options.manner.say(recall))
    if (turn === undefined) return
    if (this.#kind === 'spoken') {
      this.#spoken.add(turn)
      this.#mouth.speak()
      return
    }
    this.#enter('speaking')
    this.#gaveOutput = false
    this.#line.send(this.#options.manner.say(textOf(this.#kind, this.#options.id, turn.number)))
  }

  #ready(fresh: boolean): void {
    if (!fresh) {
      // Not before: until now nobody heard it speak.
      if (this.#kind === 'spoken') this.#mouth.hush(lastWordsMs)
      return this.#waits.changed()
    }
    this.#enter('idle')
    if (this.#tool === 'offered') this.offerTool()
    if (!this.#options.manner.resumes && this.#options.expectsWholeMemory !== true)
      this.#knownFrom = this.#openTurn?.number ?? this.record.turns.length + 1
    // Nobody knows of it here: what had no answer is asked again.
    this.#say()
    this.#waits.changed()
  }

  #closed(link: Link): void {
    const turn = this.#openTurn
    link.cut = (turn !== undefined && this.#pendingCall === '') || this.#state === 'recalling'
    if (turn !== undefined && link.cut) turn.cuts += 1
    this.#breakOff()
    this.#countEvents(link.cut)
    this.#enter('away')
  }

  #countEvents(cut: boolean): void {
    this.#events.end(cut)
    const { seen, lost, doubled, faults } = this.#events
    addTally(this.record.events, { ...emptyTally(), seen, lost, doubled })
    for (const fault of faults) this.record.faults.push(fault)
    this.#events = new EventTally()
  }

  #resumed(answerDue: boolean): void {
    // What upstream did not confirm may have been lost with its socket.
    if (this.#tool === 'offered') this.offerTool()
    if (this.#pendingCall !== '') return this.#enter('tool pending')
    this.#enter(this.busy ? 'speaking' : 'idle')
    // Said into a closing socket: it did not arrive, so it is said again.
    if (!answerDue) this.#say()
  }

  #hear(message: Message): void {
    if (message.type === 'session.resumed') this.#resumed(message.answer_due === true)
    if (message.type === 'server.draining') this.#mouth.hush(lastWordsMs)
    if (message.type === 'session.updated' && hasTool(message)) this.#tool = 'confirmed'
    if (message.type === 'error' && !this.#isExpected(codeOf(message)))
      this.record.faults.push(`error ${codeOf(message)}`)
    this.#events.note(message)
    this.#follow(message)
    this.#waits.changed()
  }

  #isExpected(code: string): boolean {
    // Asked in the very moment of the drain: it is asked again on the next socket.
    if (code === 'draining') return true
    return code === 'client_silent' && this.#line.brokenBy === 'silent to the gateway'
  }

  #follow(message: Message): void {
    switch (this.#options.manner.read(message)) {
      case 'dials':
        return this.#enter('connecting')
      case 'begins':
        // What had begun before on this socket is asked again by the gateway.
        if (this.#breakOff() && this.#openTurn !== undefined) this.#openTurn.cuts += 1
        return this.#enter('speaking')
      case 'words':
        return this.#answer.say(this.#options.manner.words(message))
      case 'sound':
        return this.#answer.sound(this.#options.manner.soundBytes(message))
      case 'written':
        return this.#answer.write(this.#options.manner.words(message))
      case 'called':
        this.#pendingCall = String(message.call_id)
        return
      case 'runs':
        return this.#enter('tool pending')
      case 'hears':
        return this.#enter('listening')
      case 'heard':
        return this.#enter('speaking')
      case 'answered':
        this.#answered()
    }
  }

  #answered(): void {
    if (this.#state === 'recalling') return this.#leave()
    // The response that called the tool is over; the answer is another one. A reasoning model says first that it looks.
    if (this.#pendingCall !== '') {
      this.#answer.clear()
      this.#enter('tool pending')
      // Called again, where the network lost the output.
      if (this.#concludes) this.#giveOutput()
      return
    }
    const turn = this.#openTurn
    const last = turn ?? this.record.turns.at(-1)
    if (last !== undefined) last.answers += 1
    if (turn !== undefined && this.#kind === 'number')
      turn.call = this.#answer.isInterrupted ? 'interrupted' : 'done'
    if (turn === undefined) this.#answer.refuse(this.#question)
    else this.#answer.end(this.#question)
    if (turn?.call === 'done') this.#taken += 1
    if (turn !== undefined) turn.answeredAt = this.#options.now()
    this.#enter('idle')
  }

  /** @returns whether anything had come of the answer */
  #breakOff(): boolean {
    // What the model says before it calls the tool is in no script.
    const isScripted = this.#kind !== 'weather' || this.#gaveOutput
    if (this.busy && isScripted) return this.#answer.breakOff(this.#question)
    const { hasWords } = this
    this.#answer.clear()
    return this.busy && hasWords
  }

  get #question(): Question {
    const turn = this.#openTurn?.number ?? this.record.turns.length
    return { kind: this.#kind, turn, taken: this.#taken }
  }

  #leave(): void {
    if (this.phase !== 'away') this.record.phases.push({ phase: 'away', at: this.#options.now() })
    this.#state = 'over'
  }
}

function hasTool({ session }: Message): boolean {
  return ((session as { tools?: unknown[] } | undefined)?.tools ?? []).length > 0
}

/** `/chat` has the code beside the type, the API's own shape one level down. */
function codeOf({ code, error }: Message): string {
  return String(code ?? (error as { code?: string } | undefined)?.code)
}
