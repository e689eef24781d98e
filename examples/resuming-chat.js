// Talks with /chat in the terminal, a line a turn; the conversation survives a restart of its server.
import { createInterface } from 'node:readline'
import { resumingSocket } from './resuming-client.js'

const gateway = process.env.GATEWAY_URL ?? 'http://127.0.0.1:8080'
const key = process.env.GATEWAY_KEY

const conversation = resumingSocket(
  `${gateway.replace('http', 'ws')}/chat`,
  ({ type, value, message }) => {
    // An answer that broke off comes again from its beginning.
    if (type === 'transcript-reset') process.stdout.write('< ')
    if (type === 'transcript-delta') process.stdout.write(value)
    if (message === 'Model ready') process.stdout.write('\n')
    if (type === 'error') console.error(message)
  },
  (state, lost = 0) => console.log(`[${state}${lost > 0 ? `, ${lost} answers lost` : ''}]`),
  { protocols: key ? ['realtime', `openai-insecure-api-key.${key}`] : [] },
)

const lines = createInterface({ input: process.stdin })
lines.on('line', text => conversation.say({ text }))
lines.on('close', () => conversation.close())
