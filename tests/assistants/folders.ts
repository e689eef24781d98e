/** Folders of assistants that tests make. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ModelChoice } from '../../runtime/upstream/model-choice.ts'
import type { Stage } from '../gateway/start.ts'

/** By path below the folder of all assistants: `cafe/assistant.yaml`. */
export type Files = Readonly<Record<string, string>>

/** Writes files into a new folder, which is removed when the test ends. @returns its absolute path */
export function folderWith(t: Stage, files: Files): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'assistants-')))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  writeFiles(root, files)
  return root
}

export function writeFiles(root: string, files: Files): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
}

/** The least that an assistant needs. @param yaml further lines of its file */
export function assistant(name: string, yaml = '', instructions = `You are ${name}.`): Files {
  return {
    [`${name}/assistant.yaml`]: `description: The ${name}\n${yaml}`,
    [`${name}/instructions.md`]: instructions,
  }
}

export const someModels: ModelChoice = {
  deployments: ['gpt-realtime', 'gpt-realtime-mini'],
  onRequest: [],
  aliases: [],
}
