/**
 * A socket to `/chat` or `/realtime` that comes back by itself, with the conversation: after a drain at
 * once, after a lost connection with growing waits. Works in browsers and in Node 22; copy it freely.
 *
 * @param {string} url for example `wss://voice.example.com/chat`
 * @param {(message: object) => void} onMessage every message but those about coming back, and each answer's end once
 * @param {(state: 'open' | 'away' | 'resumed' | 'fresh', lost?: number) => void} [onState] `fresh`: the model knows
 *   nothing of before; `lost`, with `resumed`: so many of the last answers it does not know
 * @returns {{ say(...messages: object[]): void, close(): void }} `say` sends a turn: one message on `/chat`; on
 *   `/realtime` its items and a `response.create`. One that did not arrive is said again.
 */
export function resumingSocket(url, onMessage, onState = () => {}) {
  const firstWaitMs = 200
  const lastWaitMs = 10_000
  const serviceRestart = 1012
  let ticket = ''
  /** The last turn until it is answered, and whether any session can know of it. */
  let turn = null
  /** Answers of this conversation whose end was heard, and how many of those the gateway knows of. */
  let heard = 0
  let known = 0
  /**
   * - waiting: what the ticket was worth is not known yet
   * - answering: an answer comes to what was said before this turn
   * - repeating: likewise, and its end was heard once
   * - talking: what is said is sent
   */
  let state = 'waiting'
  let waitMs = firstWaitMs
  let socket
  let redial
  let closed = false

  function dial() {
    state = 'waiting'
    const isFirst = ticket === ''
    socket = new WebSocket(`${url}?resume=${encodeURIComponent(ticket)}`)
    socket.onopen = () => {
      if (!isFirst) return
      // Lost before there was a ticket.
      if (heard > 0 || turn?.wasSent) onState('fresh')
      beginAnew()
    }
    socket.onmessage = ({ data }) => hear(JSON.parse(data))
    let over = false
    const lose = ({ code }) => {
      if (over || closed) return
      over = true
      redial = setTimeout(dial, code === serviceRestart ? 0 : waitMs * (0.5 + Math.random() / 2))
      waitMs = Math.min(lastWaitMs, waitMs * 2)
      onState('away')
    }
    socket.onclose = lose
    // Node closes a socket that never opened by an error alone.
    socket.onerror = lose
  }

  function hear(message) {
    switch (message.type) {
      case 'session.ticket': // Good from now on; the first sign that the server is there.
        ticket = message.resume
        waitMs = firstWaitMs
        onState('open')
        break
      case 'server.draining': // The socket closes when the answer under way is done.
        ticket = message.resume ?? ticket
        break
      case 'session.resumed':
        goOn(message)
        break
      case 'session.resume_failed': // Should the ticket be good again later, it leads to what was given up.
        ticket = ''
        onState('fresh')
        beginAnew()
        break
      default:
        hearOther(message)
    }
  }

  function beginAnew() {
    heard = known = 0
    talk()
  }

  /** A process that was killed may not have written what it sent last: `answers` says how much it had. */
  function goOn({ answer_due, answers = heard }) {
    known = answers
    const lost = Math.max(0, heard - known)
    onState('resumed', answer_due && lost > 0 ? lost - 1 : lost)
    if (!answer_due)
      talk() // Said into a closing socket, it did not arrive, or its answer did not.
    else if (lost > 0) state = 'repeating'
    else state = turn?.wasSent ? 'talking' : 'answering'
  }

  function hearOther(message) {
    // `/chat` says so by `status`, `/realtime` by the response's own end.
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

  /** From now on what is said is sent; what was said before, too. */
  function talk() {
    state = 'talking'
    if (turn !== null) send()
  }

  function send() {
    if (state !== 'talking' || socket.readyState !== WebSocket.OPEN) return
    heard = known // The conversation goes on from what the gateway knows.
    turn.wasSent = true
    for (const message of turn.messages) socket.send(JSON.stringify(message))
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
      socket.close(1000)
    },
  }
}
