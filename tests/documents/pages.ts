/** The Markdown pages of the project. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')

/** Every page, from the root of the project. */
export const pages = globSync('**/*.md', {
  cwd: root,
  exclude: path => /(^|\/)(node_modules|dist|\.[a-z]+)$/.test(path),
}).sort()

export const readPage = (page: string) => readFileSync(join(root, page), 'utf8')
export const isThere = (path: string) => existsSync(join(root, path))

/** A page of `docs/`, in English and in Japanese. @param page below `docs/` */
export const inBothLanguages = (page: string) => [`docs/${page}`, `docs/ja/${page}`] as const

/** The text without fenced code. */
export const withoutCode = (text: string) => text.replace(/^```.*?^```$/gms, '')

/** Anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const seen = new Map<string, number>()
  const anchors = [...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => {
    const shown = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    const anchor = shown
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-')
    const times = seen.get(anchor) ?? 0
    seen.set(anchor, times + 1)
    return times === 0 ? anchor : `${anchor}-${times}`
  })
  return new Set(anchors)
}

/** Targets of a page's links and pictures that lead into the project. */
export function linksOf(text: string): string[] {
  return [...withoutCode(text).matchAll(/\]\(<?([^)\s>]+)>?\)/g)]
    .map(([, target = '']) => target)
    .filter(target => !/^[a-z]+:/.test(target))
}

/** Names of the npm scripts that a page runs. */
export function scriptsOf(text: string): string[] {
  const spoken = [...text.matchAll(/```\w*\n(.*?)```/gs), ...text.matchAll(/`([^`\n]+)`/g)].map(
    ([, code = '']) => code,
  )
  return spoken.flatMap(code =>
    [...code.matchAll(/\bnpm (?:run\s+([\w:-]+)|(start|test)\b)/g)].map(
      ([, run, short = '']) => run ?? short,
    ),
  )
}

/** Options that a page gives to an npm script, such as `--tls`. */
export function optionsOf(text: string, script: string): string[] {
  const calls = text.matchAll(new RegExp(`\\bnpm (?:run )?${script} -- ([^\`\\n#]+)`, 'g'))
  return [...calls].flatMap(([, words = '']) =>
    [...words.matchAll(/(?:^|\s)(--[a-z-]+)/g)].map(([, name = '']) => name),
  )
}

/** What two languages share: headings by level and code, fenced blocks, and tables by rows, columns and code. */
export function skeletonOf(text: string): string[] {
  const skeleton: string[] = []
  let fence: string[] | null = null
  for (const line of text.split('\n')) {
    if (line.startsWith('```')) {
      if (fence === null) fence = [line]
      else {
        skeleton.push([...fence, line].join('\n'))
        fence = null
      }
    } else if (fence !== null) fence.push(line)
    else if (/^#+ /.test(line)) skeleton.push(`${line.split(' ', 1)[0]} ${codeOf(line)}`)
    else if (line.startsWith('|'))
      skeleton.push(`row of ${line.replaceAll('\\|', '').split('|').length - 2}: ${codeOf(line)}`)
  }
  return skeleton
}

const codeOf = (line: string) =>
  [...line.matchAll(/`([^`]+)`/g)]
    .map(match => match[1])
    .sort()
    .join(' ')

/** What the prose of both languages shares, by section: the number of list items, and the code that is named. */
export function sharedProseOf(text: string): { items: number; code: string[] }[] {
  const prose = withoutCode(text)
    .replace(/<!--.*?-->/gs, '')
    .split('\n')
    .filter(line => !line.startsWith('|'))
    .join('\n')
  return prose.split(/^#+ /m).map(section => ({
    items: [...section.matchAll(/^\s*(?:-|\d+\.) /gm)].length,
    code: [
      ...new Set([...section.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code.replace(/\s+/g, ' '))),
    ].sort(),
  }))
}
