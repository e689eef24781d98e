import { defineTool, z } from 'realtime-gateway/tools'

export default defineTool({
  description: 'Waits until its signal aborts, and says what it said',
  parameters: z.strictObject({}),
  timeoutMs: 20_000,
  async run(_, { signal, emit, log }) {
    emit('started', null)
    await new Promise(resolve => signal.addEventListener('abort', resolve))
    log.info('aborted', { reason: signal.reason.name })
    return null
  },
})
