/** The hands of an image purge: the commands of Azure. */
import { run } from './commands.ts'
import type { Hands } from './purge-images.ts'

const repository = 'realtime-gateway'

/** Makes the hands for a stack; undefined where its registry does not stand in its resource group. */
export function registryHands(stack: string): Hands | undefined {
  const output = (name: string) => run('pulumi', ['stack', 'output', name, '--stack', stack])
  const group = output('resourceGroup')
  const server = output('containerRegistryLoginServer')
  const [registry = ''] = server.split('.')
  const list = (...args: readonly string[]) =>
    run('az', [...args, '--output', 'tsv'])
      .split('\n')
      .filter(line => line !== '')
  const own = list('acr', 'list', '--resource-group', group, '--query', '[].name')
  if (!own.includes(registry)) return undefined
  return {
    repository: `${server}/${repository}`,
    images: async () => {
      const app = ['--name', output('containerAppName'), '--resource-group', group, '--all']
      const query = ['--query', '[].properties.template.containers[0].image']
      return list('containerapp', 'revision', 'list', ...app, ...query)
    },
    locked: async () =>
      list(
        ...['acr', 'manifest', 'list-metadata', '--registry', registry, '--name', repository],
        ...['--query', '[?changeableAttributes.deleteEnabled==`false`].digest'],
      ),
    setLock: async (digest, locked) => {
      const image = ['--name', registry, '--image', `${repository}@${digest}`]
      run('az', [
        'acr',
        'repository',
        'update',
        ...image,
        '--delete-enabled',
        String(!locked),
        '--output',
        'none',
      ])
    },
    // No tag fits the filter: tags stay, and what has none goes.
    purge: async days => {
      const command = `acr purge --filter '${repository}:^$' --untagged --ago ${days}d`
      run('az', ['acr', 'run', '--registry', registry, '--cmd', command, '/dev/null'], 'inherit')
    },
    say: line => console.log(line),
  }
}
