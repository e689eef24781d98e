/** Every command of az, docker, gh and pulumi that a page or a workflow runs has names that the program takes. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import * as yaml from 'js-yaml'
import { files } from '../infra/workflows.ts'
import { pages, readPage, root } from './pages.ts'
import { codeOf, commandsIn, findWrongNames, programs } from './programs.ts'

/** The shell text of a workflow or an action: the value of every `run`. */
function scriptsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(scriptsIn)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'run' && typeof inner === 'string' ? [inner] : scriptsIn(inner),
  )
}

const texts = [
  ...pages.map(page => [page, codeOf(readPage(page))] as const),
  ...files.map(
    file => [file, scriptsIn(yaml.load(readFileSync(join(root, file), 'utf8'))).join('\n')] as const,
  ),
]

test('the pages and workflows run commands and options that the programs have', t => {
  const used = texts.flatMap(([file, text]) => commandsIn(text).map(command => ({ file, command })))
  t.true(used.length > 150, String(used.length))
  for (const name of Object.keys(programs))
    t.true(
      used.some(({ command }) => command.startsWith(`${name} `)),
      name,
    )
  t.deepEqual(
    used.flatMap(({ file, command }) =>
      findWrongNames(command.split(/\s+/)).map(fault => `${file}: ${fault}`),
    ),
    [],
  )
})

for (const [command, fault] of [
  ['az containerapp ingress trafic set --name APP', /has no such command/],
  ['az group create --name g --locaton swedencentral', /no option --locaton/],
  ['docker stop --time 30 gateway', /no option --time /],
  ['pulumi stack outputs', /has no such command/],
  ['pulumi config sett NAME VALUE', /has no such command/],
  ['pulumi config set-all --plain a=b', /no option --plain /],
  ['gh secret set NAME --environment dev', /no option --environment/],
] as const)
  test(`"${command}" is not taken`, t => {
    const faults = findWrongNames(command.split(' '))
    t.is(faults.length, 1)
    t.regex(faults[0] ?? '', fault)
  })

test('a command is found in a substitution, after a pipe and over several lines, and not in a comment', t => {
  const shell = `# az login comes first
    az resource delete --ids "$(az account show \\
      --query id)"
    timeout 9 bash -c 'until az acr login --name "$SERVER"; do sleep 5; done'
    id=$(gh api repos/o/r --paginate | head -n 1)`
  t.deepEqual(commandsIn(shell), [
    'az resource delete --ids',
    'az account show --query id',
    'az acr login --name "$SERVER"',
    'gh api repos/o/r --paginate',
  ])
})
