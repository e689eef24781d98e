/**
 * A socket to `/chat` or `/realtime` that comes back by itself, with the conversation: after a drain at
 * once, after a lost connection with growing waits. Works in browsers and in Node 22; copy it freely.
 *
 * @param {string} url for example `wss://voice.example.com/chat`
 * @param {(message: object) => void} onMessage every message but those about coming back
 * @param {(state: 'open' | 'away' | 'resumed' | 'fresh') => void} [onState] `fresh`: the model knows nothing of before
 * @returns {{ say(message: object): void, close(): void }} `say` sends a turn; one that did not arrive is said again
 */
export function resumingSocket(url, onMessage, onState = () => {}) {
  const firstWaitMs = 200
  const lastWaitMs = 10_000
  const serviceRestart = 1012
  let ticket = ''
  let unanswered = null
  let waitMs = firstWaitMs
  let socket
  let redial
  let closed = false

  function dial() {
    socket = new WebSocket(`${url}?resume=${encodeURIComponent(ticket)}`)
    socket.onopen = () => {
      // No session has known it yet: it was said before there was one.
      if (ticket === '' && unanswered !== null) send(unanswered)
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
        onState('resumed')
        // Said into a closing socket, it did not arrive. Otherwise its answer comes now, or has come.
        if (!message.answer_due && unanswered !== null) send(unanswered)
        break
      case 'session.resume_failed':
        onState('fresh')
        if (unanswered !== null) send(unanswered)
        break
      default:
        // `/chat` says so by `status`, `/realtime` by the response's own end.
        if (message.type === 'response.done' || message.message === 'Model ready') unanswered = null
        onMessage(message)
    }
  }

  function send(message) {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
  }

  dial()
  return {
    say(message) {
      unanswered = message
      send(message)
    },
    close() {
      closed = true
      clearTimeout(redial)
      socket.close(1000)
    },
  }
}
