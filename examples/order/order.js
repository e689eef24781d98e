// Says an order in plain words on /realtime and prints it as JSON that fits order.schema.json.
const gateway = process.env.GATEWAY_URL ?? 'http://127.0.0.1:8080'

// A model makes JSON of any words. The simulator only repeats, so these words hold the JSON that it is to answer.
const words =
  process.argv[2] ??
  'repeat after me: Thank you! {"items":[{"name":"Flat white","size":"medium","quantity":2}]}'

// A browser cannot set a header on a WebSocket; the credential is one of the subprotocols.
const key = process.env.GATEWAY_KEY
const protocols = key ? ['realtime', `openai-insecure-api-key.${key}`] : []
const socket = new WebSocket(`${gateway.replace('http', 'ws')}/realtime`, protocols)

// Plain text is a turn of the user's: the gateway makes the events of it.
socket.onopen = () => socket.send(words)

socket.onmessage = ({ data }) => {
  const event = JSON.parse(data)
  switch (event.type) {
    case 'extracted.json':
      console.log(JSON.stringify(event.payload, null, 2))
      break
    case 'extracted.json.error':
      fail(`The answer holds no order: ${event.reason}`)
      break
    case 'error':
      fail(event.error.message)
  }
}
socket.onerror = () =>
  fail(`No connection to ${gateway}; examples/README.md says how to start it, and when to set GATEWAY_KEY`)

function fail(reason) {
  console.error(reason)
  process.exit(1)
}
