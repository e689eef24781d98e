/** `GET /v1/models`: the models of OpenAI that the table knows, and when they are shut down. */
import { models } from '../../models/models.ts'
import { json, needsStandingKey } from './keys.ts'
import type { Answer, PlainRequest } from './plain-request.ts'
import type { HttpRefusal } from './refusal.ts'

/** Lists what is not retired, snapshots included. The table knows no days of creation. */
export function listModels({ address, ephemeral }: PlainRequest): Answer | HttpRefusal {
  if (ephemeral) return needsStandingKey(address.vendor)
  const data = models.flatMap(({ name, snapshots, openai }) =>
    openai === null || openai.state === 'retired'
      ? []
      : [name, ...snapshots].map(id => ({
          ...{ id, object: 'model', created: 0, owned_by: 'system' },
          shutdown_date: openai.retiredOn ?? null,
        })),
  )
  return json({ object: 'list', data })
}
