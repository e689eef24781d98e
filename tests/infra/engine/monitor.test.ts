/** The program through Pulumi's own entry point, against a stand-in monitor: as the language host runs it, without a CLI. */
import test from 'ava'
import { firstResources } from '../../../.github/scripts/provide-registry.ts'
import { ownValues, runProgram, stackFile } from '../azure.ts'
import { kindOf } from '../resource-answers.ts'
import { shapes } from '../shapes.ts'
import { runThroughEntryPoint } from './monitor.ts'

/** As `pulumi` hands it over: texts, and lists as JSON, with the project's namespace. */
function configOf(values: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      `realtime-gateway:${name}`,
      typeof value === 'object' ? JSON.stringify(value) : String(value),
    ]),
  )
}

for (const stack of ['dev', 'prod']) {
  test.serial(
    `${stack}: the entry point loads the program, which registers all that it does elsewhere`,
    async t => {
      t.timeout(150_000)
      const run = await runThroughEntryPoint(stack, configOf(ownValues(stackFile(stack))), false)
      t.is(run.code, 0, [...run.log, run.output].join('\n'))
      const names = run.registered
        .filter(({ type }) => type !== 'pulumi:pulumi:Stack')
        .map(({ name }) => name)
      const expected = (await runProgram({ stack })).resources
        .filter(({ type }) => type !== 'pulumi:pulumi:StackReference')
        .map(({ name }) => name)
      t.deepEqual(names.sort(), [...expected].sort())
      for (const { type, name, inputs } of run.registered.filter(({ type }) =>
        type.startsWith('azure-native:'),
      )) {
        const faults = shapes[kindOf(type)]?.safeParse(inputs).error?.issues ?? []
        t.deepEqual(faults, [], `${type} ${name}`)
      }
    },
  )
}

test.serial('the first deployment: the registry is made by itself, and the program ends well', async t => {
  t.timeout(150_000)
  const isFirst = (type: string, name: string) =>
    firstResources.some(first => first[0] === type && first[1] === name)
  const run = await runThroughEntryPoint('dev', configOf(ownValues(stackFile('dev'))), false, isFirst)
  t.is(run.code, 0, [...run.log, run.output].join('\n'))
  t.deepEqual(
    run.registered.filter(({ type }) => type.startsWith('azure-native:')).map(({ name }) => name),
    ['group', 'registry'],
  )
})

test.serial(
  'a fault in the configuration ends the program before it registers anything of Azure',
  async t => {
    t.timeout(150_000)
    const run = await runThroughEntryPoint('dev', { 'realtime-gateway:maxReplicas': 'many' }, true)
    t.not(run.code, 0)
    t.true(
      run.log.some(line => /maxReplicas: allowed is/.test(line)),
      run.log.join('\n'),
    )
    t.deepEqual(
      run.registered.filter(({ type }) => type.startsWith('azure-native:')),
      [],
    )
  },
)
