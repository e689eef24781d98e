import { defineTool, z } from 'realtime-gateway/tools'

export default defineTool({
  description: 'Answers after its time, and says what its signal said',
  parameters: z.strictObject({}),
  timeoutMs: 50,
  async run(_, { signal, conversation, emit, log }) {
    emit('started', null)
    await new Promise(resolve => signal.addEventListener('abort', resolve))
    log.info('aborted', { reason: signal.reason.name })
    return conversation.update(() => ({ late: true }))
  },
})
