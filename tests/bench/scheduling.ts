/** Who makes way for whom while CPU is counted. */
import { spawnSync } from 'node:child_process'
import type { Commanded } from './command.ts'

/** `batch` does not push another process off its core when something arrives for it (SCHED_BATCH, sched(7)). */
export type Policy = 'batch' | 'other'

/**
 * Sets the policy of processes that the bench started. A relay that is pushed off its core between reading an
 * event and writing it finds its caches cold and pays for it; whom that hits how often is chance. Says so where
 * it cannot be set, and goes on.
 */
export function schedule(policy: Policy, processes: readonly Commanded[]): void {
  for (const { child } of processes) {
    const { status } = spawnSync('chrt', ['--all-tasks', `--${policy}`, '--pid', '0', String(child.pid)])
    if (status !== 0) console.error(`process ${child.pid} is not scheduled as "${policy}": "chrt" failed`)
  }
}
