/** Layers between a client's socket and the handler of its path: composed from the outside in, and closed without access. */
import test from 'ava'
import { systemClock } from '../../runtime/core/clock.ts'
import { GatewayError } from '../../runtime/core/errors.ts'
import type { Connection } from '../../runtime/core/ports.ts'
import type { SocketRoute } from '../../runtime/server/handler.ts'
import { acceptThrough, type Layer, loopShareOf, refusalBy } from '../../runtime/server/layers.ts'
import { LoopShare } from '../../runtime/server/loop-share.ts'
import { someContext } from './some-context.ts'

const connection: Connection = {
  message: () => undefined,
  writable: () => undefined,
  announce: () => undefined,
  drain: () => undefined,
  fault: () => undefined,
  closed: () => undefined,
}

function stage() {
  const seen: string[] = []
  const route: SocketRoute = {
    accept: request => {
      seen.push(`route for ${request.principal.name}`)
      const handler = () => {
        seen.push('handler')
        return connection
      }
      return { handler, context: someContext({ request }) }
    },
  }
  /** A layer that writes down when it is passed. */
  const passing = (name: string): Layer => ({
    name,
    accept: (_route, next) => async request => {
      seen.push(`${name} before`)
      const accepted = await next(request)
      seen.push(`${name} after`)
      const handler: typeof accepted.handler = (client, context) => {
        seen.push(`${name} begins`)
        return accepted.handler(client, context)
      }
      return { ...accepted, handler }
    },
  })
  const admitting: Layer = {
    name: 'access',
    accept: (_route, next) => asked =>
      next({ ...asked, principal: { name: 'key:a', by: 'key' }, account: 'credential:a' }),
  }
  return { seen, route, passing, admitting }
}

const { request } = someContext()

test('layers are passed from the outside in, before the 101 and when the handler begins', async t => {
  const { seen, route, passing, admitting } = stage()
  const accept = acceptThrough([passing('outer'), admitting, passing('inner')], route)
  const { handler, context } = await accept(request)
  handler({} as never, context)
  t.deepEqual(seen, [
    ...['outer before', 'inner before', 'route for key:a', 'inner after', 'outer after'],
    ...['outer begins', 'inner begins', 'handler'],
  ])
})

test('a layer that refuses keeps the request from all that is inside of it', async t => {
  const { seen, route, passing, admitting } = stage()
  const refusing: Layer = {
    name: 'refusing',
    accept: () => async () => {
      throw new GatewayError('forbidden', 'no')
    },
  }
  const accept = acceptThrough([admitting, passing('outer'), refusing, passing('inner')], route)
  await t.throwsAsync(accept(request), { message: 'no' })
  t.deepEqual(seen, ['outer before'])
})

test('without a layer that admits it, no request reaches its route', async t => {
  const { seen, route, passing } = stage()
  const error = await t.throwsAsync(acceptThrough([passing('outer')], route)(request))
  t.like(error, { code: 'internal', status: 500 })
  t.deepEqual(seen, ['outer before'])
})

test('the outermost layer that refuses new connections is the one that is heard', t => {
  const refuses = (code: 'draining' | 'memory_exhausted' | null): Layer => ({
    name: String(code),
    refusal: () => (code === null ? null : new GatewayError(code, code)),
  })
  const none: Layer = { name: 'without a refusal' }
  t.is(refusalBy([none, refuses(null)]), null)
  t.is(refusalBy([none, refuses('draining'), refuses('memory_exhausted')])?.code, 'draining')
  t.is(refusalBy([refuses(null), refuses('memory_exhausted')])?.code, 'memory_exhausted')
})

test('exactly one layer measures the event loop', t => {
  const loopShare = new LoopShare({ turnMs: 0, ...systemClock })
  const layer = { name: 'share of the event loop', loopShare }
  t.is(loopShareOf([{ name: 'another' }, layer]), loopShare)
  for (const layers of [[], [layer, layer]])
    t.throws(() => loopShareOf(layers), { message: /Exactly one layer measures the event loop/ })
})
