/** What comes from elsewhere has one version, by a pin, and is watched for the next one. */
import { globSync } from 'node:fs'
import test from 'ava'
import * as yaml from 'js-yaml'
import { readText } from './azure.ts'
import { files, jobsOf, root } from './workflows.ts'

test('ci runs the released actionlint, by a version that cannot be moved, and shellcheck on every script', t => {
  const commands = jobsOf('ci').flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []))
  // Go takes a version only with the bytes that its checksum database has under this name.
  t.true(
    commands.some(run =>
      /^go install github\.com\/rhysd\/actionlint\/cmd\/actionlint@v\d+\.\d+\.\d+ &&/.test(run),
    ),
  )
  const shellcheck = commands.find(run => run.startsWith('shellcheck '))?.split(' ') ?? []
  const scripts = globSync(['**/*.sh', '.*/**/*.sh', '.ci/run'], { cwd: root, exclude: ['node_modules/**'] })
  t.true(scripts.length >= 2)
  const checked = globSync(shellcheck.slice(1), { cwd: root })
  t.deepEqual(checked.sort(), scripts.sort())
})

test('every action is pinned by the commit of a named version', t => {
  for (const file of files) {
    for (const [line, action, pin] of readText(file).matchAll(/uses: (\S+?)@(.+)/g)) {
      t.regex(pin ?? '', /^[0-9a-f]{40} # v\d+\.\d+\.\d+$/, line)
      t.truthy(action)
    }
    for (const [, local] of readText(file).matchAll(/uses: \.\/(\S+)/g))
      t.is(
        globSync(
          [local ?? '', `${local}/action.yml`].filter(path => path.endsWith('.yml')),
          { cwd: root },
        ).length,
        1,
        local,
      )
  }
})

test('one action has one pin in all files', t => {
  const pins = new Map<string, string>()
  for (const file of files) {
    for (const [, action = '', pin = ''] of readText(file).matchAll(/uses: ([^.\s]\S*?)@(.+)/g)) {
      t.is(pins.get(action) ?? pin, pin, action)
      pins.set(action, pin)
    }
  }
})

test("Pulumi has one version: the library's, in workflows and devcontainer", t => {
  const { devDependencies } = JSON.parse(readText('package.json')) as {
    devDependencies: Record<string, string>
  }
  const version = devDependencies['@pulumi/pulumi'] ?? ''
  for (const file of ['.github/actions/pulumi/action.yml', '.github/workflows/ci.yml'])
    t.true(readText(file).includes(`pulumi-version: ${version}\n`), file)
  t.true(readText('.devcontainer/devcontainer.json').includes(`"PULUMI_VERSION": "${version}"`))
})

test("Node has one version: the package's, in workflows, devcontainer and image", t => {
  const { devDependencies } = JSON.parse(readText('package.json')) as {
    devDependencies: Record<string, string>
  }
  const version = devDependencies.node ?? ''
  for (const file of files)
    for (const [, used] of readText(file).matchAll(/node-version: (\S+)/g)) t.is(used, version, file)
  t.true(readText('.devcontainer/devcontainer.json').includes(`"version": "${version}"`))
  t.true(readText('Dockerfile').includes(`node:${version}-`))
})

test('dependabot watches npm, the actions, the base image and the clients that are tested', t => {
  const { version, updates } = yaml.load(readText('.github/dependabot.yml')) as {
    version: number
    updates: { 'package-ecosystem': string }[]
  }
  t.is(version, 2)
  t.deepEqual(updates.map(update => update['package-ecosystem']).sort(), [
    'docker',
    'github-actions',
    'npm',
    'npm',
    'pip',
  ])
})
