/** What is refused at an SDK address before the upgrade. */
import test from 'ava'
import { createRoutes } from '../../runtime/gateway/routes.ts'
import { Resumes } from '../../runtime/resume/resumes.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { permitOf } from '../upstream/some-rules.ts'

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }

test('a key whose model is configured no more is refused before the upgrade, by name', async t => {
  const unused = () => {
    throw new Error('no handler is made for a session that is refused')
  }
  const routes = createRoutes({
    permit: permitOf('new-model'),
    maxSdkMessageBytes: 1024,
    chat: unused,
    realtime: unused,
    resumes: new Resumes({ store: createMemoryStore(), maxHeldBytes: 1024, log: quiet }),
    sdk: () => () => unused,
    sdkByKey: unused,
    sdkTranscription: () => unused,
    sdkTranslation: unused,
    sdkInCall: unused,
    ephemeralKeys: {
      find: async () => ({ owner: { name: 'anonymous', by: 'none' }, model: 'old-model', pinned: '{}' }),
    },
  })
  const error = await t.throwsAsync(async () =>
    routes.get('/v1/realtime')?.accept({
      path: '/v1/realtime',
      query: new URLSearchParams(),
      subprotocols: [],
      headers: new Map([['authorization', 'Bearer ek_minted']]),
      address: '127.0.0.1',
    }),
  )
  t.like(error, { code: 'model_not_configured', status: 404 })
  t.regex(error.message, /"old-model".*"new-model"/)
})
