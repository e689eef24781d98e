/** `GET /assistants`: what a caller may choose among. */
import type { Principal } from '../core/ports.ts'
import { type HttpRoute, jsonAnswer } from '../server/http.ts'
import type { Assistants } from './assistants.ts'

/** Who asks where no credential is asked for. */
const nobody: Principal = { name: 'anonymous', by: 'none' }

/**
 * Makes the route.
 * Its answer: `{assistants: [{name, description, version, greets, pinned}]}`, in the order of their names. `greets`: it
 * speaks first, on `/chat` and `/realtime`.
 */
export function createAssistantList(assistants: Pick<Assistants, 'allowedTo'>): HttpRoute {
  return {
    GET: ({ principal = nobody }) =>
      jsonAnswer(200, {
        assistants: assistants
          .allowedTo(principal)
          .map(({ name, description, version, greeting, isPinned }) => {
            return { name, description, version, greets: greeting !== null, pinned: isPinned }
          }),
      }),
  }
}
