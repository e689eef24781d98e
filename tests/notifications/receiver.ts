/** A receiver of webhooks on loopback, which answers as a test says. */
import { serveHttp } from '../gateway/http-server.ts'
import { mailbox, type Stage } from '../gateway/start.ts'

export interface Delivery {
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

export interface Receiver {
  readonly url: URL
  /** The next delivery, whatever it was answered. */
  next(): Promise<Delivery>
  readonly deliveries: readonly Delivery[]
}

/** @param statusOf the answer to the n-th delivery of an id, from 1; default 204 */
export async function startReceiver(
  t: Stage,
  statusOf: (delivery: number) => number = () => 204,
): Promise<Receiver> {
  const deliveries: Delivery[] = []
  const arrived = mailbox<Delivery>('no webhook arrives')
  const url = await serveHttp(t, async (request, response) => {
    const body = (await request.toArray()).join('')
    const headers = new Map(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
    const delivery = { headers, body }
    deliveries.push(delivery)
    const id = headers.get('webhook-id')
    const count = deliveries.filter(each => each.headers.get('webhook-id') === id).length
    response.writeHead(statusOf(count)).end()
    arrived.put(delivery)
  })
  return { url: new URL(`${url}/events`), next: arrived.take, deliveries }
}
