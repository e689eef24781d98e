/** The one list of what stands between a client's socket and the handler of its path. */
import type { Admission } from '../access/admission.ts'
import { assistantParameter } from '../core/contract.ts'
import type { Dial } from '../core/ports.ts'
import type { Metrics } from '../observability/metrics.ts'
import { PendingResume } from '../resume/pending-resume.ts'
import type { Redeemed, ResumeStore } from '../resume/resume-store.ts'
import type { Drain } from '../server/drain.ts'
import type { Accepted, Context, FoundTicket, Resumable } from '../server/handler.ts'
import type { Accept, FindTicket, Layer, LayeredRequest } from '../server/layers.ts'
import type { LoopShare } from '../server/loop-share.ts'
import type { MemoryBudget } from '../server/memory-budget.ts'
import { EarlyDial } from '../upstream/early-dial.ts'
import { connectionNames, type NamedConnections } from './crash.ts'

export interface LayersParts {
  readonly loopShare: LoopShare
  readonly drain: Drain
  readonly memory: MemoryBudget
  readonly admission: Admission
  readonly resumes: ResumeStore
  readonly metrics: Metrics
  /** Notes the names that clients give their connections; absent: nobody asks for them. */
  readonly named?: NamedConnections | undefined
}

/** Lists the layers of every path, from the outside in; the handler is inside of all of them. */
export function layersOf({
  loopShare,
  drain,
  memory,
  admission,
  resumes,
  metrics,
  named,
}: LayersParts): readonly Layer[] {
  return [
    { name: 'share of the event loop', loopShare },
    {
      name: 'drain',
      refusal: () => drain.refusal(),
      began: ({ connection }) => drain.add(connection),
      over: ({ connection }) => drain.remove(connection),
    },
    {
      name: 'memory budget',
      refusal: () => memory.refusal(),
      began: client => memory.add(client),
      over: client => memory.remove(client),
    },
    {
      name: 'access and limits',
      accept: ({ resumable }, next) =>
        resumable === undefined ? admission.admit(next) : admission.admit(next, findTicket(resumes)),
    },
    ...(named === undefined ? [] : [connectionNames(named)]),
    resumption(resumes, metrics),
  ]
}

/** Makes the layer that takes tickets, at the paths that take conversations up again. */
export function resumption(resumes: ResumeStore, metrics: Metrics): Layer {
  return {
    name: 'resumption',
    accept: ({ resumable }, next) =>
      resumable === undefined ? next : takeTickets(resumable, resumes, metrics, next),
  }
}

/**
 * Claims the ticket of `?resume=` before the 101, while access asks for the limits of the request. An empty value asks for
 * tickets without having one. A ticket of another assistant's conversation than the request is for is found, and not claimed.
 */
export function findTicket(resumes: ResumeStore): FindTicket {
  return ({ query, principal }) => {
    const ticket = query.get('resume')
    if (!ticket) return undefined
    return resumes.find(ticket, principal.name, query.get(assistantParameter) ?? principal.assistant)
  }
}

/** Spends the ticket that was found, and calls the handler, when the client is heard of. */
function takeTickets(
  { endMessages, dialsAtOnce = false }: Resumable,
  resumes: ResumeStore,
  metrics: Metrics,
  next: Accept,
): Accept {
  const accept = async (request: LayeredRequest, { claim }: FoundTicket): Promise<Accepted> => {
    const accepted = await next(request)
    const { handler, context, migration } = accepted
    if ('failure' in claim) return { ...accepted, context: { ...context, resumed: claim } }
    const parts = { route: request.path, claim, resumes, migration, metrics, endMessages }
    return {
      ...accepted,
      handler: (client, context) => {
        const early = dialsAtOnce ? new DialOnceSpent(context) : undefined
        const begin = (resumed: Redeemed) =>
          handler(client, { ...context, resumed, ...(early && { dial: early.dialOfHandler }) })
        return new PendingResume({ ...parts, client, early, begin })
      },
    }
  }
  return request => (request.ticket === undefined ? next(request) : accept(request, request.ticket))
}

/** The dial of a connection whose ticket is spent and whose handler is still to be called. */
class DialOnceSpent {
  readonly #context: Pick<Context, 'dial' | 'limits'>
  #dial: EarlyDial | null = null

  constructor({ dial, limits }: Context) {
    this.#context = { dial, limits }
  }

  dial(): void {
    const { dial, limits } = this.#context
    this.#dial = new EarlyDial({ dial, maxHeldBytes: limits.bounds.clientBufferBytes })
  }

  /** Takes the dial over; where there was none, dials. */
  get dialOfHandler(): Dial {
    return this.#dial?.dial ?? this.#context.dial
  }

  abandon(): void {
    this.#dial?.abandon()
  }
}
