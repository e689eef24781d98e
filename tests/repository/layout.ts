/** Folders of the tree and the folders they import. `npm run layout` prints them. */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** The runtime's folders in the order of import: each imports only folders that stand before it. */
export const order = [
  ...['core', 'models', 'events', 'dialect', 'observability', 'store', 'usage', 'notifications'],
  ...['session', 'resume', 'upstream'],
  ...['server', 'config', 'limits', 'access', 'tools', 'assistants', 'chat', 'realtime', 'calls', 'pages'],
  ...['simulator', 'gateway', 'workers', 'try', 'main.ts'],
].map(name => `runtime/${name}`)

/** Folders beside each other: none imports another. */
export const strangers = ['chat', 'realtime', 'calls', 'pages'].map(name => `runtime/${name}`)

/** What folders outside the order, or with less than it, may import of the runtime. */
export const visible: Readonly<Record<string, readonly string[]>> = {
  'runtime/simulator': ['runtime/core', 'runtime/models', 'runtime/events', 'runtime/dialect'],
  // The stack tells the versions that the image has, and gives their tools' variables their secrets: one reader for both.
  infra: ['runtime/core', 'runtime/models', 'runtime/config', 'runtime/assistants'],
}

/** Names the folder that a file belongs to: a subfolder is a part of its folder. */
function folderOf(file: string): string {
  const [top = '', next = ''] = file.split('/')
  return top === 'runtime' ? `${top}/${next}` : top
}

/** Reads which folder imports which. @param above source files and what they import are paths from the root */
export function readLayout(above: readonly (readonly [file: string, imported: string])[] = readImports()) {
  const arrows = new Map<string, Set<string>>()
  for (const [file, imported] of above) {
    const [from, to] = [folderOf(file), folderOf(imported)]
    const known = arrows.get(from) ?? new Set()
    arrows.set(from, known)
    if (from !== to) known.add(to)
  }
  return arrows
}

/** Imports that the order forbids, as `folder → folder`. */
export function forbidden(arrows: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const isAllowed = (from: string, to: string) => {
    if (from in visible) return !to.startsWith('runtime/') || (visible[from]?.includes(to) ?? false)
    if (!order.includes(from)) return true
    if (strangers.includes(from) && strangers.includes(to)) return false
    return order.includes(to) && order.indexOf(to) < order.indexOf(from)
  }
  return [...arrows].flatMap(([from, all]) =>
    [...all].filter(to => !isAllowed(from, to)).map(to => `${from} → ${to}`),
  )
}

function readImports(): [file: string, imported: string][] {
  const files = globSync(['runtime/**/*.ts', 'infra/**/*.ts', 'web/**/*.ts', 'index.ts'], {
    cwd: root,
    exclude: ['web/dist/**', 'runtime/menu/**'],
  })
  return files.flatMap(file => [
    [file, file] as [string, string],
    ...importsOf(file)
      .filter(path => path.startsWith('.'))
      .map(path => [file, relative(root, join(root, dirname(file), path))] as [string, string]),
  ])
}

/** What a file imports, as it is written there. @param file path from the root */
export function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(match => match[1] ?? '')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const arrows = readLayout()
  const rank = (folder: string) => (order.includes(folder) ? order.indexOf(folder) : order.length)
  const byRank = (a: string, b: string) => rank(a) - rank(b)
  for (const folder of [...arrows.keys()].sort(byRank)) {
    const imported = [...(arrows.get(folder) ?? [])].sort(byRank).map(name => name.replace('runtime/', ''))
    process.stdout.write(`${folder.padEnd(22)} ${imported.join(' ')}\n`)
  }
  for (const arrow of forbidden(arrows)) process.stdout.write(`FORBIDDEN: ${arrow}\n`)
}
