/**
 * Opens a socket to `/chat` or `/realtime` that reconnects by itself and keeps its conversation: at once after a
 * drain, with growing waits after a lost connection. A connection that does not open, or goes silent, counts as lost.
 * Runs in browsers and in Node 22 without packages; copy it freely.
 *
 * On `/realtime` it needs a gateway with `REALTIME_AUTO_CLOSE=false` that lets `response.done` through.
 *
 * @param {string} url for example `wss://voice.example.com/chat`
 * @param {(message: object) => void} onMessage gets every message but those about resuming, and each answer's end once
 * @param {(state: 'open' | 'away' | 'resumed' | 'fresh', lost?: number) => void} [onState] `fresh`: the conversation
 *   is lost, the model knows nothing of it; `lost`, with `resumed`: how many of the last answers the model lost
 * @param {object} [options] deadlines (ms) and subprotocols
 * @param {string[]} [options.protocols] subprotocols of the socket, by which a browser sends a credential
 * @param {number} [options.openMs] until a connection is open (10000)
 * @param {number} [options.heartbeatMs] of silence until `/chat` is asked for a sign of life (10000)
 * @param {number} [options.silenceMs] until that sign must come (10000)
 * @param {number} [options.answerMs] of silence while an answer is expected, elsewhere than on `/chat`, which alone
 *   answers heartbeats; longer than the gateway's own `UPSTREAM_STALL_TIMEOUT_MS` (75000)
 * @returns {{ say(...messages: object[]): void, close(): void }} `say` sends a turn: one message on `/chat`; on
 *   `/realtime` its items and a `response.create`. A turn that was lost on its way is sent again.
 */
export function resumingSocket(url, onMessage, onState = () => {}, options = {}) {
  const { openMs = 10_000, heartbeatMs = 10_000, silenceMs = 10_000, answerMs = 75_000 } = options
  const { protocols = [] } = options
  const firstWaitMs = 200
  const lastWaitMs = 10_000
  const serviceRestart = 1012
  const abnormalClosure = 1006
  const answersHeartbeats = new URL(url).pathname.endsWith('/chat')

  let ticket = ''
  /** The last turn until it is answered, and whether any session can know of it. */
  let turn = null
  /** Answers of this conversation whose end was received, and how many of them the gateway knows of. */
  let heard = 0
  let known = 0
  /**
   * - waiting: the gateway has not said yet what the ticket is worth
   * - answering: an answer comes to what was said before this turn
   * - repeating: likewise, and its end was received before
   * - talking: a turn is sent at once
   */
  let state = 'waiting'
  let waitMs = firstWaitMs
  let socket
  let redial
  /** Runs out when a sign of life is overdue: sends a heartbeat, or gives the connection up. */
  let watch
  let closed = false

  function dial() {
    state = 'waiting'
    const isFirst = ticket === ''
    const dialled = new WebSocket(`${url}?resume=${encodeURIComponent(ticket)}`, protocols)
    socket = dialled
    dialled.onopen = () => {
      if (isFirst) {
        // A connection that was lost before it had a ticket leads to a new conversation.
        if (heard > 0 || turn?.wasSent) onState('fresh')
        beginAnew()
      }
      noteSign()
    }
    dialled.onmessage = ({ data }) => {
      receive(JSON.parse(data))
      noteSign()
    }
    dialled.onclose = ({ code }) => lose(code)
    // Node reports a socket that never opened by an error alone.
    dialled.onerror = () => lose(abnormalClosure)
    giveUpAfter(openMs)
  }

  /** The connection is gone, or is given up: dials the next one. */
  function lose(code) {
    clearTimeout(watch)
    if (closed) return
    abandon()
    redial = setTimeout(dial, code === serviceRestart ? 0 : waitMs * (0.5 + Math.random() / 2))
    waitMs = Math.min(lastWaitMs, waitMs * 2)
    onState('away')
  }

  /** Whatever still comes from this socket is of no interest: another one takes its place. */
  function abandon() {
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null
    socket.close(1000)
  }

  function giveUpAfter(ms) {
    clearTimeout(watch)
    watch = setTimeout(() => lose(abnormalClosure), ms)
  }

  /** Something came: watches for the next sign of life. */
  function noteSign() {
    clearTimeout(watch)
    watch = undefined
    if (closed) return
    if (answersHeartbeats) watch = setTimeout(beat, heartbeatMs)
    else if (state !== 'talking' || turn?.wasSent) giveUpAfter(answerMs)
  }

  function beat() {
    socket.send('{"type":"heartbeat"}')
    giveUpAfter(silenceMs)
  }

  function receive(message) {
    switch (message.type) {
      case 'session.ticket': // Valid from now on, and the first sign that the server is there.
        ticket = message.resume
        waitMs = firstWaitMs
        onState('open')
        break
      case 'server.draining': // The server closes the socket when the present answer is done.
        ticket = message.resume ?? ticket
        break
      case 'session.resumed':
        goOn(message)
        break
      case 'session.resume_failed': // The conversation is given up, even if its ticket became valid again.
        ticket = ''
        onState('fresh')
        beginAnew()
        break
      case 'heartbeat-ack':
        break
      default:
        receiveOther(message)
    }
  }

  function beginAnew() {
    heard = known = 0
    talk()
  }

  /** @param message `answers` says how many answers' ends the store has: a process that was killed may not have
   *   written the last ones */
  function goOn({ answer_due, answers = heard }) {
    known = answers
    const lost = Math.max(0, heard - known)
    onState('resumed', answer_due && lost > 0 ? lost - 1 : lost)
    // No answer is due: a turn that was sent into a closing socket is lost, or its answer is.
    if (!answer_due) talk()
    else if (lost > 0) state = 'repeating'
    else state = turn?.wasSent ? 'talking' : 'answering'
  }

  function receiveOther(message) {
    // `/chat` tells the end of an answer by a `status`, `/realtime` by the response's own end.
    const isOver = message.type === 'response.done' || message.message === 'Model ready'
    if (isOver) {
      known += 1
      heard = Math.max(heard, known)
      if (state === 'talking') turn = null
    }
    const isRefusal = message.type === 'error' && message.error?.type !== 'gateway_error'
    const isNews = message.type === 'error' || message.type.startsWith('session.')
    const isEarlier = state === 'answering' || state === 'repeating'
    if (state !== 'repeating' || isNews) onMessage(message)
    if (isEarlier && (isOver || isRefusal)) talk()
  }

  /** From now on turns are sent at once, and first the one that waits. */
  function talk() {
    state = 'talking'
    if (turn !== null) send()
  }

  function send() {
    if (state !== 'talking' || socket.readyState !== WebSocket.OPEN) return
    heard = known // The conversation goes on from what the gateway knows.
    turn.wasSent = true
    for (const message of turn.messages) socket.send(JSON.stringify(message))
    // A sign that is due already is not put off by what is said meanwhile.
    if (watch === undefined) noteSign()
  }

  dial()
  return {
    say(...messages) {
      turn = { messages, wasSent: false }
      send()
    },
    close() {
      closed = true
      clearTimeout(redial)
      clearTimeout(watch)
      socket.close(1000)
    },
  }
}
