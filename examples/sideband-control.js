// Controls the newest call from a server: changes what the model is told, has it say something, prints what is said.
// Audio and the caller's own connection never pass through here.
import { WebSocket } from 'ws'

const gateway = process.env.GATEWAY_URL ?? 'http://127.0.0.1:8080'
const headers = { 'api-key': process.env.GATEWAY_KEY ?? 'unused' }
const [instructions = 'Always begin with "Supervisor here."', message = 'say hello'] = process.argv.slice(2)

const answer = await fetch(`${gateway}/sideband/sessions`, { headers })
if (!answer.ok) fail((await answer.json()).detail)
const { sessions } = await answer.json()
const call = sessions
  .filter(({ call_id, ended_at }) => call_id && !ended_at)
  .sort((a, b) => a.created_at.localeCompare(b.created_at))
  .at(-1)
if (call === undefined) fail(`There is no call at ${gateway}: start one, for example on ${gateway}/sideband`)

const control = new WebSocket(`${gateway.replace('http', 'ws')}/sideband/control/${call.session_id}`, {
  headers,
})

control.on('message', data => {
  const { type, event, reason, message: text } = JSON.parse(data)
  switch (type) {
    case 'sideband_connected':
      console.log(`controlling ${call.call_id}; Ctrl+C leaves the call as it is`)
      send({ type: 'update_instructions', instructions })
      send({ type: 'send_message', text: message })
      break
    case 'openai_event': // Every event of the call, as the model's vendor names it.
      printWords(event)
      break
    case 'call_ended':
      console.log(`the call is over: ${reason}`)
      break
    case 'error':
      fail(text)
  }
})
control.on('error', fault => fail(fault.message))

function send(command) {
  control.send(JSON.stringify(command))
}

function printWords({ type, transcript }) {
  if (type === 'response.output_audio_transcript.done') console.log(`model:  ${transcript}`)
  if (type === 'conversation.item.input_audio_transcription.completed') console.log(`caller: ${transcript}`)
}

function fail(reason) {
  console.error(reason)
  process.exit(1)
}
