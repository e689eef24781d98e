/** The page that the portal shows of a stack. */
import test from 'ava'
import { activityQuery, drainQuery, loadQuery } from '../../infra/queries.ts'
import { runProgram } from './azure.ts'

interface Page {
  readonly items: readonly {
    readonly type: number
    readonly name: string
    readonly content: {
      title?: string
      query?: string
      timeContextFromParameter?: string
      parameters?: { name: string }[]
    }
  }[]
}

test.serial(
  'the workbook shows sessions, refusals, latency, load and drains, asked as the documents ask',
  async t => {
    const run = await runProgram()
    const { inputs } = run.find('azure-native:applicationinsights:Workbook')
    t.is(inputs.sourceId, run.find('azure-native:operationalinsights:Workspace').id)
    const { items } = JSON.parse(String(inputs.serializedData)) as Page
    const queries = items.flatMap(({ content }) => content.query ?? [])
    t.true(queries.length >= 6)
    for (const column of ['opened', 'refused', 'dialMs95'])
      t.true(
        queries.some(query => query.startsWith(activityQuery('gptrt-dev')) && query.includes(column)),
        column,
      )
    for (const column of ['sessions', 'loopDelayMs99'])
      t.true(
        queries.some(query => query.startsWith(loadQuery('gptrt-dev')) && query.endsWith(`, ${column}`)),
        column,
      )
    t.true(queries.includes(drainQuery('gptrt-dev')))
    t.is(new Set(items.map(({ name }) => name)).size, items.length, 'a name stands for one item')
  },
)

test.serial('every query of the workbook is bounded by the time that the page asks for', async t => {
  const { inputs } = (await runProgram()).find('azure-native:applicationinsights:Workbook')
  const { items } = JSON.parse(String(inputs.serializedData)) as Page
  const parameters = items.flatMap(({ content }) => content.parameters ?? []).map(({ name }) => name)
  for (const { content } of items.filter(({ type }) => type === 3))
    t.true(parameters.includes(content.timeContextFromParameter ?? ''), content.title)
})

test.serial('the workbook keeps its name from run to run, and shares it with no other stack', async t => {
  const nameOf = async (stack: string) =>
    (await runProgram({ stack })).find('azure-native:applicationinsights:Workbook').inputs.resourceName
  t.is(await nameOf('dev'), await nameOf('dev'))
  t.not(await nameOf('dev'), await nameOf('prod'))
})
