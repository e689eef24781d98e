/** What a person reads in the terminal, by the messages of `/chat`. */
import test from 'ava'
import { WebSocketServer } from 'ws'
import type { ChatMessage } from '../../runtime/core/wire.ts'
import { talkInTerminal } from '../../runtime/try/terminal-talk.ts'

async function* lineOf(text: string): AsyncGenerator<string> {
  yield text
}

test('what an answer says after a tool begins on a line of its own', async t => {
  const answer: ChatMessage[] = [
    { type: 'text-delta', value: 'One ' },
    { type: 'text-delta', value: 'moment.' },
    { type: 'tool', name: 'find_table', status: 'running', ms: 0 },
    { type: 'tool', name: 'find_table', status: 'done', ms: 20 },
    { type: 'text-delta', value: 'Table 4 is free.' },
    { type: 'status', message: 'Model ready' },
  ]
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  server.on('connection', socket =>
    socket.on('message', () => {
      for (const message of answer) socket.send(JSON.stringify(message))
    }),
  )
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const written: string[] = []
  const end = await talkInTerminal({
    ...{ url: `ws://127.0.0.1:${port}`, lines: lineOf('Is there a table?'), prompt: '> ', greets: false },
    write: text => written.push(text),
  })
  t.deepEqual(end, { kind: 'over' })
  t.is(written.join(''), '> One moment.\nTable 4 is free.\n> ')
})
