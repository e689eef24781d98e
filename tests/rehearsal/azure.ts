/** The commands that move a container app from one revision to the next: run here, or for somebody to run. */
import { spawn } from 'node:child_process'
import type { AzureApp } from './options.ts'

export interface Step {
  readonly what: string
  readonly args: readonly string[]
}

/** As in the roll-out's workflow: the new revision is reached by it before it takes any traffic. */
const label = 'next'

/**
 * In this order: the old revision is pinned by name, as without names the newest takes everything; the new one
 * is reached by its label; weights move; the old one goes, with the sockets that it holds.
 */
export function stepsOf({ app, group, from, to }: AzureApp): Step[] {
  const where = ['--name', app || 'APP', '--resource-group', group || 'GROUP']
  const [old, young] = [from || 'OLD', to || 'NEW']
  const weights = (share: number): Step => ({
    what: `weights ${100 - share}/${share}`,
    args: [
      ...['containerapp', 'ingress', 'traffic', 'set', ...where],
      ...['--revision-weight', `${old}=${100 - share}`, `${young}=${share}`],
    ],
  })
  const revision = ['containerapp', 'revision']
  return [
    weights(0),
    {
      what: `label ${label}`,
      args: [...revision, 'label', 'add', ...where, '--label', label, '--revision', young, '--yes'],
    },
    weights(50),
    weights(100),
    { what: 'deactivation', args: [...revision, 'deactivate', ...where, '--revision', old] },
  ]
}

export function commandOf({ args }: Step): string {
  return ['az', ...args].join(' ')
}

/** The newest active revision beside the old one. @throws Error that says what `az` said, or that there is none */
export async function findNewest({ app, group, from }: AzureApp): Promise<string> {
  const where = ['--name', app, '--resource-group', group]
  const args = ['containerapp', 'revision', 'list', ...where, '--output', 'json']
  const revisions = JSON.parse(await run(args)) as Listed[]
  const newest = revisions
    .filter(({ name, properties }) => name !== from && properties.active)
    .sort((a, b) => a.properties.createdTime.localeCompare(b.properties.createdTime))
    .at(-1)
  if (newest === undefined) throw new Error(`"${app}" has no active revision beside "${from}"`)
  return newest.name
}

interface Listed {
  readonly name: string
  readonly properties: { readonly active: boolean; readonly createdTime: string }
}

/** @returns what it printed @throws Error that says what `az` said */
export function run(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('az', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let [out, errors] = ['', '']
    child.stdout.on('data', data => {
      out += data
    })
    child.stderr.on('data', data => {
      errors += data
    })
    child.once('error', () => reject(new Error('az is not on the path')))
    child.once('close', code => {
      if (code === 0) resolve(out)
      else reject(new Error(`az ${args.slice(0, 4).join(' ')} ended with ${code}: ${firstLine(errors)}`))
    })
  })
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? ''
}
