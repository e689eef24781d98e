import test from 'ava'
import { Bodies, maxBodiesBytes } from '../../runtime/server/bodies.ts'
import { maxBodyBytes } from '../../runtime/server/http.ts'

/** A body whose chunks the test sends. */
function arriving(bodies: Bodies) {
  let arrived: (chunk: ArrayBuffer, isLast: boolean) => void = () => undefined
  const native = {
    onData: (given: typeof arrived) => {
      arrived = given
    },
  }
  const body = bodies.collect(native, maxBodyBytes)
  return { body, send: (bytes: number, isLast = false) => arrived(new ArrayBuffer(bytes), isLast) }
}

test('a body that nobody wants any more takes no memory, whatever still comes of it', async t => {
  const bodies = new Bodies()
  const { body, send } = arriving(bodies)
  send(1000)
  t.is(bodies.bytes, 1000)
  body.discard()
  body.discard()
  t.is(bodies.bytes, 0)
  send(1000, true)
  t.is(bodies.bytes, 0)
  await body.ended
})

test('bodies are bounded together: one that finds no room is refused, and the others go on', async t => {
  const bodies = new Bodies()
  const others = Array.from({ length: maxBodiesBytes / maxBodyBytes }, () => arriving(bodies))
  for (const { send } of others) send(maxBodyBytes)
  const late = arriving(bodies)
  late.send(1)
  await t.throwsAsync(late.body.read(), { code: 'memory_exhausted' })
  const [first] = others
  first?.send(0, true)
  t.is((await first?.body.read())?.length, maxBodyBytes)
  first?.body.discard()
  const next = arriving(bodies)
  next.send(1, true)
  t.is((await next.body.read()).length, 1)
})

test('a body above its own bound is refused, and gives back what was kept', async t => {
  const bodies = new Bodies()
  const { body, send } = arriving(bodies)
  send(maxBodyBytes)
  send(1)
  await t.throwsAsync(body.read(), { code: 'message_too_big' })
  await body.ended
  t.is(bodies.bytes, 0)
})

test('a body whose client is gone is waited for by nobody', async t => {
  const bodies = new Bodies()
  const { body, send } = arriving(bodies)
  send(100)
  const read = body.read()
  body.abandon()
  body.abandon()
  await t.throwsAsync(read, { code: 'client_silent' })
  await t.throwsAsync(body.read(), { code: 'client_silent' })
  await body.ended
  t.is(bodies.bytes, 0)
})

test('a body that was complete is there when its client goes', async t => {
  const { body, send } = arriving(new Bodies())
  send(3, true)
  body.abandon()
  t.is((await body.read()).length, 3)
})
