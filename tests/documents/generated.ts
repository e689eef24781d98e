/** The parts of the documents that are generated: where they stand, and what is written there. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { renderJapaneseBehaviour } from './behaviour.ts'
import {
  renderEnvExample,
  renderErrors,
  renderFailedCalls,
  renderJapaneseClients,
  renderStackSettings,
  renderVariables,
} from './tables.ts'

const root = join(import.meta.dirname, '../..')

interface Part {
  /** From the root of the project. */
  readonly file: string
  /** Name of the comments around the part; null: the whole file. */
  readonly mark: string | null
  readonly render: () => string
}

export const parts: readonly Part[] = [
  { file: '.env.example', mark: null, render: renderEnvExample },
  { file: 'docs/configuration.md', mark: 'variables', render: () => renderVariables('en') },
  { file: 'docs/ja/configuration.md', mark: 'variables', render: () => renderVariables('ja') },
  { file: 'docs/azure/settings.md', mark: 'stack settings', render: () => renderStackSettings('en') },
  { file: 'docs/ja/azure/settings.md', mark: 'stack settings', render: () => renderStackSettings('ja') },
  { file: 'docs/errors.md', mark: 'errors', render: () => renderErrors('en') },
  { file: 'docs/ja/errors.md', mark: 'errors', render: () => renderErrors('ja') },
  { file: 'docs/errors.md', mark: 'failed calls', render: () => renderFailedCalls('en') },
  { file: 'docs/ja/errors.md', mark: 'failed calls', render: () => renderFailedCalls('ja') },
  { file: 'docs/ja/endpoints/sdk.md', mark: 'clients', render: renderJapaneseClients },
  { file: 'docs/ja/simulator/behaviour.md', mark: 'behaviour', render: renderJapaneseBehaviour },
]

/** A file with its part as it should be. @throws Error where the file or its marks are missing */
export function withPart({ file, mark, render }: Part): string {
  if (mark === null) return render()
  const path = join(root, file)
  if (!existsSync(path))
    throw new Error(`"${file}" is missing; write it, with ${marks(mark).join(' and ')} in it`)
  const text = readFileSync(path, 'utf8')
  const [begin, end] = marks(mark)
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`"${file}" needs ${begin} and ${end} around its table`)
  return `${text.slice(0, from + begin.length)}\n\n${render()}\n\n${text.slice(to)}`
}

const marks = (mark: string) => [`<!-- ${mark}: begin -->`, `<!-- ${mark}: end -->`] as const

/** Files whose part is not what the sources say. */
export function findOutdated(): string[] {
  return parts
    .filter(part => readFileSync(join(root, part.file), 'utf8') !== withPart(part))
    .map(part => part.file)
}

/** Writes all parts. @returns the files that changed */
export function writeParts(): string[] {
  const outdated = parts.filter(part => {
    const path = join(root, part.file)
    return !existsSync(path) || readFileSync(path, 'utf8') !== withPart(part)
  })
  for (const part of outdated) writeFileSync(join(root, part.file), withPart(part))
  return outdated.map(part => part.file)
}
