/** What is refused at an SDK address before the upgrade. */
import test from 'ava'
import { createRoutes } from '../../runtime/gateway/routes.ts'
import { someBounds, someContext } from '../server/some-context.ts'
import { permitOf } from '../upstream/some-rules.ts'

test('a key whose model is configured no more is refused before the upgrade, by name', async t => {
  const unused = () => {
    throw new Error('no handler is made for a session that is refused')
  }
  const { request, principal, limits, dial, log } = someContext()
  const service = { handler: unused, dial, bounds: someBounds }
  const routes = createRoutes({
    permit: permitOf('new-model'),
    maxSdkMessageBytes: 1024,
    chat: { ...service, endMessages: unused },
    realtime: { ...service, endMessages: unused },
    assistants: { choose: () => null },
    assisted: { chat: unused, realtime: unused },
    sdkAssisted: unused,
    passed: unused,
    log,
    sdk: () => () => service,
    sdkByKey: unused,
    sdkTranscription: () => service,
    sdkTranslation: unused,
    sdkInCall: unused,
    ephemeralKeys: {
      find: async () => ({ owner: { name: 'anonymous', by: 'none' }, model: 'old-model', pinned: '{}' }),
    },
  })
  const error = await t.throwsAsync(async () =>
    routes.get('/v1/realtime')?.accept({
      ...request,
      path: '/v1/realtime',
      headers: new Map([['authorization', 'Bearer ek_minted']]),
      principal,
      account: limits.account,
    }),
  )
  t.like(error, { code: 'model_not_configured', status: 404 })
  t.regex(error.message, /"old-model".*"new-model"/)
})
