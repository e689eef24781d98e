import { defineTool, ToolError, z } from 'realtime-gateway/tools'

export default defineTool({
  description: 'Throws',
  parameters: z.strictObject({
    told: z.boolean().default(false),
    code: z.unknown().optional(),
    message: z.unknown().default('The oven is off'),
  }),
  run({ told, code, message }) {
    if (!told) throw new Error('password=hunter2')
    // Plain JavaScript assigns what no type allows.
    throw Object.assign(new ToolError('', { code: code as never }), { message })
  },
})
