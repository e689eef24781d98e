import { defineTool, z } from 'realtime-gateway/tools'

export default defineTool({
  description: 'Forgets to await what is rejected',
  parameters: z.strictObject({}),
  async run() {
    void Promise.reject(new Error('unheard'))
    await new Promise(resolve => setTimeout(resolve, 10))
    return 'well'
  },
})
