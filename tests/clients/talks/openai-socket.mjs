/** What the talks of the official Node client share, whichever of its classes opened the socket. */
import { createInbox } from './stage.mjs'

/**
 * Waits for the session.
 *
 * @param update sent then, as the client's own dialect says it; null sends nothing
 */
export async function attach(socket, update) {
  const inbox = createInbox()
  socket.on('event', inbox.put)
  // An error that the server sent is an event too; what is left are failures of the connection.
  socket.on('error', fault => {
    if (!fault.error) inbox.put({ type: 'error', error: { message: fault.message } })
  })
  await inbox.next('session.created')
  if (update !== null) {
    socket.send({ type: 'session.update', session: update })
    await inbox.next('session.updated')
  }
  return { socket, next: inbox.next }
}

/** Says a text and asks for the answer. */
export function say(socket, text) {
  const content = [{ type: 'input_text', text }]
  socket.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } })
  socket.send({ type: 'response.create' })
}

/** Answers a tool's call and asks for what the model makes of it. */
export function answerCall(socket, callId, output) {
  const item = { type: 'function_call_output', call_id: callId, output }
  socket.send({ type: 'conversation.item.create', item })
  socket.send({ type: 'response.create' })
}

/** Sends an event that is refused. @returns the `error` that the client reports */
export async function refusalOf(socket, event) {
  const refusal = new Promise(resolve => {
    socket.on('error', resolve)
  })
  socket.send(event)
  const { error } = await refusal
  return error
}
