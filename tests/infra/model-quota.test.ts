/** What is said of a model's quota before anything is created. */
import test from 'ava'
import { judgeModel, type ListedModel, listPaths, readRegion } from '../../infra/model-quota.ts'
import { listWanted } from '../../infra/preflight-models.ts'
import { readSettings } from '../../infra/settings.ts'

const listed = (version: string, usageName: string): ListedModel => ({
  kind: 'OpenAI',
  model: {
    name: 'gpt-realtime-1.5',
    version,
    skus: [
      {
        name: 'GlobalStandard',
        usageName,
        rateLimits: [
          { key: 'request', count: 20, renewalPeriod: 60 },
          { key: 'token', count: 10_000, renewalPeriod: 60 },
        ],
      },
    ],
  },
})
const usageName = 'OpenAI.GlobalStandard.gpt-realtime-1.5'
const models = [listed('2026-02-23', usageName)]
const usages = (currentValue: number) => [{ name: { value: usageName }, currentValue, limit: 10 }]
const wanted = {
  name: 'gpt-realtime-1.5',
  version: '2026-02-23',
  sku: 'GlobalStandard',
  capacity: 10,
  own: 0,
}

test('a deployment that fits is told with what is free, and what a unit is', t => {
  t.deepEqual(judgeModel(wanted, 'swedencentral', models, usages(0)), {
    state: 'enough',
    text: 'gpt-realtime-1.5 2026-02-23 as GlobalStandard in swedencentral: 10 of 10 units are free, 10 are wanted; a unit is 10000 tokens and 20 requests a minute',
  })
})

test('one that does not fit is told; units of its own do not count against it', t => {
  t.is(judgeModel(wanted, 'swedencentral', models, usages(1)).state, 'too little')
  t.is(judgeModel({ ...wanted, own: 1 }, 'swedencentral', models, usages(1)).state, 'enough')
})

test('a version, a kind of deployment or a model that the region lacks is told, with the versions that it has', t => {
  const older = judgeModel({ ...wanted, version: '2025-08-28' }, 'japaneast', models, usages(0))
  t.is(older.state, 'not offered')
  t.regex(older.text, /in japaneast is not offered; versions there are 2026-02-23/)
  t.is(judgeModel({ ...wanted, sku: 'Standard' }, 'japaneast', models, usages(0)).state, 'not offered')
  t.is(judgeModel({ ...wanted, name: 'other' }, 'japaneast', models, usages(0)).state, 'not offered')
})

test('a model whose quota Azure does not tell is not called free', t => {
  t.is(judgeModel(wanted, 'swedencentral', models, []).state, 'unknown')
})

test('both lists are read with the token of who deploys; a refusal is told by its status', async t => {
  const asked: string[] = []
  const answering = (async (address: string, init?: RequestInit) => {
    asked.push(String(address))
    t.is(new Headers(init?.headers).get('Authorization'), 'Bearer azure-token')
    return Response.json({ value: String(address).includes('/models') ? models : usages(3) })
  }) as typeof fetch
  const place = { subscriptionId: 'sub', location: 'eastus2', token: 'azure-token' }
  t.deepEqual(await readRegion(place, answering), { models, usages: usages(3) })
  const { models: first, usages: second } = listPaths('sub', 'eastus2')
  t.deepEqual(asked, [`https://management.azure.com${first}`, `https://management.azure.com${second}`])
  const refusing = (async () => new Response('', { status: 403 })) as unknown as typeof fetch
  await t.throwsAsync(readRegion(place, refusing), { message: 'HTTP 403' })
})

test('what a stack has already counts in the region, and for the kind of deployment, that it is in', t => {
  const values = { openAiFailoverLocations: 'eastus2', openAiDeploymentCapacity: 10 }
  const settings = readSettings({ stack: 'dev', values, today: new Date(0), preview: true })
  const made = [
    { location: 'swedencentral', model: 'gpt-realtime-1.5', sku: 'GlobalStandard', units: 10 },
    { location: 'swedencentral', model: 'gpt-realtime-1.5', sku: 'Standard', units: 3 },
  ]
  const own = (location: string) => listWanted(settings, location, made).map(model => model.own)
  t.deepEqual(own('swedencentral'), [10, 0])
  t.deepEqual(own('eastus2'), [0, 0])
  const [elsewhere = wanted] = listWanted(settings, 'eastus2', made)
  t.is(judgeModel({ ...wanted, ...elsewhere }, 'eastus2', models, usages(5)).state, 'too little')
})
