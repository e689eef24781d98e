import { defineTool, ToolError, z } from 'realtime-gateway/tools'

const refuse = () => {
  throw new Error('hands off')
}

const oddities = {
  proxy: () => new Proxy({}, { get: refuse, getPrototypeOf: refuse }),
  name: () => Object.assign(new Error('x'), { name: Symbol('x') }),
  stack: () => Object.defineProperty(new Error('x'), 'stack', { get: refuse }),
  message: () => Object.assign(new ToolError('x'), { message: Object.create(null) }),
}

export default defineTool({
  description: 'Throws what cannot be read',
  parameters: z.strictObject({ what: z.enum(['proxy', 'name', 'stack', 'message']) }),
  run({ what }) {
    throw oddities[what]()
  },
})
