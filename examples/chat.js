// Asks one question on /chat and prints the answer while it is spoken.
const gateway = process.env.GATEWAY_URL ?? 'http://127.0.0.1:8080'
const question = process.argv[2] ?? 'count to five'
const key = process.env.GATEWAY_KEY
const protocols = key ? ['realtime', `openai-insecure-api-key.${key}`] : []
const socket = new WebSocket(`${gateway.replace('http', 'ws')}/chat`, protocols)
socket.onopen = () => socket.send(JSON.stringify({ text: question }))
socket.onmessage = ({ data }) => {
  const { type, value, message } = JSON.parse(data)
  // The voice comes as `audio-chunk`: base64 of PCM16, 24 kHz, mono.
  if (type === 'transcript-delta' || type === 'text-delta') process.stdout.write(value)
  if (type === 'error') fail(message)
  if (message === 'Model ready') socket.close()
}
socket.onerror = () => fail(`No connection to ${gateway}: start it (npm start), or set GATEWAY_KEY`)

function fail(reason) {
  console.error(reason)
  process.exit(1)
}
