import { defineTool, z } from 'realtime-gateway/tools'

export default defineTool({
  description: 'Emits so many events of so many bytes',
  parameters: z.strictObject({ events: z.int(), bytes: z.int() }),
  run({ events, bytes }, { emit }) {
    for (let event = 0; event < events; event += 1) emit('progress', 'x'.repeat(bytes - 2))
    return null
  },
})
