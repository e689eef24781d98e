/** The set-up of a checkout, by stand-ins of node, npm and tar: what it installs for which command, and when nothing. */
import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'

const root = join(import.meta.dirname, '../..')
const copied = [
  ...['setup.mjs', 'package.json', 'package-lock.json', 'vite.config.ts'],
  ...['tsconfig.json', 'tsconfig.tools.json', 'runtime/tools'],
]
const manifests = ['web/package.json', 'demo/package.json', 'tracing/package.json']
const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  devDependencies: { node: string }
}

/** Writes its command line down; as node it tells its version, as tar it unpacks a program. */
const program = `#!${process.execPath}
const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs')
const { basename, join } = require('node:path')
const [name, args] = [basename(process.argv[1]), process.argv.slice(2)]
if (name === 'node' && args[0] === '--version') return console.log(process.env.NODE_HERE)
appendFileSync(process.env.ASKED, [name, ...args].join(' ') + '\\n')
if (name !== 'tar') return
const folder = join(args[args.indexOf('-C') + 1], 'package/bin')
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'node'), 'a program')
`

function checkout(t: ExecutionContext, version: string) {
  const folder = mkdtempSync(join(tmpdir(), 'setup-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const [tree, bin, asked] = ['tree', 'bin', 'asked'].map(name => join(folder, name)) as [
    string,
    string,
    string,
  ]
  for (const file of [...copied, ...manifests]) {
    mkdirSync(dirname(join(tree, file)), { recursive: true })
    cpSync(join(root, file), join(tree, file), { recursive: true })
  }
  mkdirSync(bin)
  // What npm makes, for the set-up to put Node into.
  mkdirSync(join(tree, 'node_modules/.bin'), { recursive: true })
  for (const name of ['node', 'npm', 'tar']) {
    writeFileSync(join(bin, name), program)
    chmodSync(join(bin, name), 0o755)
  }
  const setUpWith = (variables: Record<string, string>, ...args: string[]): string[] => {
    writeFileSync(asked, '')
    // As npm runs a script: the programs of the packages first.
    const env = {
      ...variables,
      PATH: `${join(tree, 'node_modules/.bin')}:${bin}`,
      ASKED: asked,
      NODE_HERE: version,
    }
    const { status, stderr } = spawnSync(process.execPath, ['setup.mjs', ...args], {
      cwd: tree,
      env,
      encoding: 'utf8',
    })
    t.is(status, 0, stderr)
    return readFileSync(asked, 'utf8')
      .split('\n')
      .filter(line => line.startsWith('npm'))
      .map(line => line.replace(tree, ''))
  }
  return { tree, setUp: (...args: string[]) => setUpWith({}, ...args), setUpWith }
}

const own = `v${devDependencies.node}`
const archive = `${process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node'}-${process.platform}-${process.arch}@${devDependencies.node}`
const forStart = 'npm ci --omit=dev --workspace=web --workspace=demo --include-workspace-root'
const pack = `npm pack --silent --pack-destination /.node ${archive}`

test("a start installs what the gateway runs on; on a machine that has the project's Node, no other one", t => {
  const { tree, setUp } = checkout(t, own)
  t.deepEqual(setUp('--omit=dev'), [forStart])
  t.deepEqual(setUp('--omit=dev'), [], 'a second start installs nothing')
  t.false(existsSync(join(tree, 'node_modules/.bin/node')))
})

for (const version of ['v20.20.2', 'v22.17.1', 'v24.1.0', ''])
  test(`a start on ${version === '' ? 'an unknown Node' : `Node ${version}`} brings the project's own, and keeps it on the path of npm's scripts`, t => {
    const { tree, setUp } = checkout(t, version)
    t.deepEqual(setUp('--omit=dev'), [pack, forStart])
    t.is(readFileSync(join(tree, 'node_modules/.bin/node'), 'utf8'), 'a program')
    t.false(existsSync(join(tree, '.node')))
  })

for (const name of ['OTEL_EXPORTER_OTLP_ENDPOINT', 'APPLICATIONINSIGHTS_CONNECTION_STRING'])
  for (const place of ['the environment', '.env'])
    test(`a start with ${name} in ${place} adds the packages of tracing; a start without it takes none away`, t => {
      const { tree, setUp, setUpWith } = checkout(t, own)
      setUp('--omit=dev')
      if (place === '.env') writeFileSync(join(tree, '.env'), `PORT=1\n${name}=http://127.0.0.1:4318\n`)
      const variables = place === '.env' ? {} : { [name]: 'http://127.0.0.1:4318' }
      t.deepEqual(setUpWith(variables, '--omit=dev'), ['npm install --no-save --omit=dev'])
      t.deepEqual(setUpWith(variables, '--omit=dev'), [])
      rmSync(join(tree, '.env'), { force: true })
      t.deepEqual(setUp('--omit=dev'), [])
      t.deepEqual(setUp(), ['npm install --no-save'])
    })

test('a variable of tracing that has no value, or is a comment, turns nothing on', t => {
  const { tree, setUpWith } = checkout(t, own)
  writeFileSync(
    join(tree, '.env'),
    '# OTEL_EXPORTER_OTLP_ENDPOINT=http://a\nOTEL_EXPORTER_OTLP_ENDPOINT=\nPORT=1\n',
  )
  t.deepEqual(setUpWith({ APPLICATIONINSIGHTS_CONNECTION_STRING: '' }, '--omit=dev'), [forStart])
})

test('a file .env that cannot be read stops no set-up: the gateway says what is wrong with it', t => {
  const { tree, setUp } = checkout(t, own)
  mkdirSync(join(tree, '.env'))
  t.deepEqual(setUp('--omit=dev'), [forStart])
})

test('the tests add their packages to those of a start, which may be in use; a start after them adds nothing', t => {
  const { setUp } = checkout(t, own)
  setUp('--omit=dev')
  t.deepEqual(setUp(), ['npm install --no-save'])
  t.deepEqual(setUp(), [])
  t.deepEqual(setUp('--omit=dev'), [])
})

test('the Node that a start brought makes way for that of all packages', t => {
  const { tree, setUp } = checkout(t, 'v20.20.2')
  setUp('--omit=dev')
  t.deepEqual(
    setUp(),
    [pack, 'npm install --no-save'],
    "the machine's own Node is asked, not the one in the way",
  )
  t.false(existsSync(join(tree, 'node_modules/.bin/node')), 'npm puts its own link there')
})

for (const file of ['package-lock.json', ...manifests])
  test(`a change of ${file} installs anew, by the lockfile`, t => {
    const { tree, setUp } = checkout(t, own)
    t.deepEqual(setUp(), ['npm ci'])
    appendFileSync(join(tree, file), '\n')
    t.deepEqual(setUp(), ['npm ci'])
    appendFileSync(join(tree, file), '\n')
    t.deepEqual(setUp('--omit=dev'), [forStart])
  })

test('a start and its like need no devDependencies; every other command gets them', t => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  const light = Object.entries(scripts).filter(([, command]) => command.includes('--omit=dev'))
  t.deepEqual(
    light.map(([name]) => name),
    ['prestart', 'predev', 'prebuild', 'presimulator', 'pretry'],
  )
})
