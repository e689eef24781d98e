/** Installs what a command needs from the system, once its words are understood: `--help` installs nothing. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/** Says so before it installs something; where it may not, goes on without. */
export function installServers(): void {
  const root = join(import.meta.dirname, '../..')
  spawnSync(process.execPath, ['setup.mjs', '--servers'], { cwd: root, stdio: 'inherit' })
}
