/**
 * Names the registry that a stack's image is pushed to. At a stack's first deployment it is made before everything else,
 * as the image must be there, attested and verified, when the stack is updated to run it.
 */
import { partsOfId } from '../../infra/resource-id.ts'
import { run } from './commands.ts'

const project = 'realtime-gateway'

/** What is made at first: the registry, and the group that it stands in. Names as the program has them. */
export const firstResources = [
  ['azure-native:resources:ResourceGroup', 'group'],
  ['azure-native:containerregistry:Registry', 'registry'],
] as const

/**
 * Names the registry's server, such as `name.azurecr.io`.
 * @returns '' where the stack's configuration names the image to run: then none is built
 * @throws when Pulumi fails, or the stack has no registry after the update
 */
export function provideRegistry(stack: string): string {
  const ofStack = ['--stack', stack]
  const config = JSON.parse(run('pulumi', ['config', '--json', ...ofStack])) as Record<
    string,
    { value?: string }
  >
  const setting = (name: string) => config[`${project}:${name}`]?.value ?? ''
  if (setting('imageRef') !== '') return ''
  if (setting('registryId') !== '') return `${partsOfId(setting('registryId')).name.toLowerCase()}.azurecr.io`
  const made = readServer(stack)
  if (made !== undefined) return made
  const targets = firstResources.flatMap(([type, name]) => [
    '--target',
    `urn:pulumi:${stack}::${project}::${type}::${name}`,
  ])
  run('pulumi', ['up', '--yes', '--skip-preview', ...targets, ...ofStack], 'inherit')
  const server = readServer(stack)
  if (server === undefined) throw new Error(`The stack ${stack} has no output containerRegistryLoginServer`)
  return server
}

function readServer(stack: string): string | undefined {
  // All of them: asked for one that is not there yet, Pulumi fails as it does when it cannot reach the state.
  const outputs = JSON.parse(run('pulumi', ['stack', 'output', '--json', '--stack', stack]))
  return (outputs as { containerRegistryLoginServer?: string }).containerRegistryLoginServer
}
