/**
 * The commands of az, docker, gh and pulumi that the documents and the workflows run, and the names that these
 * programs take: `programs.json` holds, for each command that is used, the options that the program lists with
 * `--help`, and the version that was asked.
 */
import { readFileSync } from 'node:fs'
import { withoutCode } from './pages.ts'

interface Program {
  readonly version: string
  /** Options of every command, separated by spaces. */
  readonly everywhere: string
  /** The options of each command, by its words after the program's name. */
  readonly commands: Readonly<Record<string, string>>
}

export const programs = JSON.parse(
  readFileSync(new URL('programs.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, Program>>

/** A command begins at a program's name that is no part of a path or of another word, and has a word after it. */
const begin = new RegExp(`(?<![\\w./@:-])(?:${Object.keys(programs).join('|')}) +(?=[a-z])`, 'g')

/** The commands of a shell text, one a line: without comments, and each with its own options only. */
export function commandsIn(shell: string): string[] {
  return shell
    .replaceAll(/\s*\\\n\s*/g, ' ')
    .split('\n')
    .filter(line => !line.trimStart().startsWith('#'))
    .flatMap(line =>
      [...line.matchAll(begin)].map(({ index }, at, all) => line.slice(index, all[at + 1]?.index)),
    )
    .map(command => command.replace(/ *(?:[|;&>)]|2>|"?\$\().*$/, '').trim())
}

/** The code of a page in which a command may stand: fenced shell, and code in a sentence. */
export function codeOf(page: string): string {
  const fenced = [...page.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
    .filter(([, language = '']) => ['', 'sh', 'console'].includes(language))
    .map(([, , code = '']) => code)
  const spoken = [...withoutCode(page).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)
  return [...fenced, ...spoken].join('\n')
}

/**
 * What is wrong with the names of a command; empty for a command that the program takes.
 * @param words the command's words, the program first
 */
export function findWrongNames([name = '', ...words]: readonly string[]): string[] {
  const command = [name, ...words].join(' ')
  const program = programs[name]
  if (program === undefined) return [`"${name}" is not in programs.json`]
  const known = Object.keys(program.commands)
  const found = known
    .filter(start => `${words.join(' ')} `.startsWith(`${start} `))
    .sort((a, b) => b.length - a.length)[0]
  const next = found === undefined ? undefined : words[found.split(' ').length]
  const isGroup = known.some(longer => longer.startsWith(`${found} `))
  if (found === undefined || (isGroup && /^[a-z]/.test(next ?? '')))
    return [`"${command}": ${program.version} has no such command in programs.json`]
  const options = new Set(`${program.everywhere} ${program.commands[found]}`.split(' '))
  return words
    .slice(found.split(' ').length)
    .filter(word => /^--?[a-z]/i.test(word))
    .map(word => word.split('=')[0] ?? '')
    .filter(word => !options.has(word))
    .map(word => `"${command}": ${name} ${found} has no option ${word} (${program.version})`)
}
