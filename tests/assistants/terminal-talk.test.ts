/** What a person reads in the terminal, by the messages of `/chat`. */
import { setImmediate } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { WebSocketServer } from 'ws'
import type { ChatMessage } from '../../runtime/core/wire.ts'
import { talkInTerminal } from '../../runtime/try/terminal-talk.ts'

async function* linesOf(texts: readonly string[]): AsyncGenerator<string> {
  yield* texts
}

/** Talks with a server that has one answer for each line. @returns what was written */
async function talk(t: ExecutionContext, answers: Readonly<Record<string, ChatMessage[]>>): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  server.on('connection', socket => {
    let last = Promise.resolve()
    // One by one, so that each message comes by itself.
    const answer = async (text: string) => {
      for (const message of answers[text] ?? []) {
        socket.send(JSON.stringify(message))
        await setImmediate()
      }
    }
    socket.on('message', data => {
      const { text } = JSON.parse(String(data)) as { text: string }
      last = last.then(() => answer(text))
    })
  })
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const written: string[] = []
  const end = await talkInTerminal({
    ...{ url: `ws://127.0.0.1:${port}`, prompt: '> ', greets: false },
    lines: linesOf(Object.keys(answers)),
    write: text => written.push(text),
  })
  t.deepEqual(end, { kind: 'over' })
  return written.join('')
}

const reset: ChatMessage = { type: 'text-reset' }
const ready: ChatMessage = { type: 'status', message: 'Model ready' }
const words = (value: string): ChatMessage => ({ type: 'text-delta', value })
const fault = (code: string): ChatMessage => ({ type: 'error', message: 'It failed', code })

test('what an answer says after a tool begins on a line of its own', async t => {
  const answer: ChatMessage[] = [
    { type: 'text-delta', value: 'One ' },
    { type: 'text-delta', value: 'moment.' },
    { type: 'tool', name: 'find_table', status: 'running', ms: 0 },
    { type: 'tool', name: 'find_table', status: 'done', ms: 20 },
    { type: 'text-delta', value: 'Table 4 is free.' },
    { type: 'status', message: 'Model ready' },
  ]
  const written = await talk(t, { 'Is there a table?': answer })
  t.is(written, '> One moment.\nTable 4 is free.\n> ')
})

test('a model cannot write what the terminal obeys: only what it shows', async t => {
  const hostile = 'a\u001b]52;c;ZXZpbA==\u0007b\u009b2Jc\rd\u007f\te\nf'
  const refusal: ChatMessage = { type: 'error', message: 'no\u001b[8m', code: 'rate_limit_exceeded' }
  const written = await talk(t, { one: [reset, words(hostile), ready], two: [refusal] })
  t.is(written, '> a]52;c;ZXZpbA==b2Jcd\te\nf\n> ! no[8m\n> ')
})

test('an error ends a turn once, so that the next one is heard out', async t => {
  const written = await talk(t, {
    one: [fault('rate_limit_exceeded'), ready],
    two: [reset, words('Two.'), ready],
    three: [reset, words('Th'), fault('server_error'), words('ree.'), ready],
    four: [reset, words('Fo'), fault('upstream_lost')],
    five: [reset, words('Five.'), ready],
  })
  t.is(written, '> ! It failed\n> Two.\n> Th\n! It failed\nree.\n> Fo\n! It failed\n> Five.\n> ')
})
