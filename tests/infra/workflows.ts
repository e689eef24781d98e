/** The workflows and actions of this repository, as they are read. */
import { globSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as yaml from 'js-yaml'
import { readText } from './azure.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url))
export const files = globSync(['.github/workflows/*.yml', '.github/actions/*/action.yml'], { cwd: root })

export interface Step {
  readonly id?: string
  readonly if?: string
  readonly uses?: string
  readonly run?: string
  readonly env?: Record<string, string>
  readonly with?: Record<string, unknown>
}
interface Job {
  readonly if?: string
  readonly needs?: string
  readonly uses?: string
  readonly 'runs-on': string
  readonly 'timeout-minutes': number
  readonly environment?: string
  readonly permissions?: Record<string, string>
  readonly concurrency?: { group: string; 'cancel-in-progress': boolean; queue?: string }
  readonly strategy?: { 'max-parallel'?: number; matrix: { stack: string } }
  readonly env?: Record<string, string>
  readonly steps: Step[]
}
interface Workflow {
  readonly on: Record<string, unknown>
  readonly permissions: Record<string, string>
  readonly jobs: Record<string, Job>
}

export const read = (name: string) => yaml.load(readText(`.github/workflows/${name}.yml`)) as Workflow
export const names = ['ci', 'preview', 'deploy', 'rollout']
/** Jobs of its own, without those of another workflow that it calls. */
export const jobsOf = (name: string) =>
  Object.values(read(name).jobs).filter(({ uses }) => uses === undefined)
export const only = (name: string): Job => {
  const [job, ...others] = jobsOf(name)
  if (job === undefined || others.length > 0) throw new Error(`${name} has ${others.length + 1} jobs`)
  return job
}
