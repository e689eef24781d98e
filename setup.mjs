// Makes this checkout ready to run: packages and built pages. Returns at once when nothing changed.
// Runs before `npm start`, `npm test` and `npm run check`, in the devcontainer and in CI, under any Node.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))
const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** The Node that runs the project. npm picks uWebSockets.js's native package by the Node it runs under. */
const nodeVersion = devDependencies.node

step({
  name: 'packages',
  inputs: ['package.json', 'package-lock.json'],
  salt: `${process.platform}-${process.arch}-${nodeVersion}`,
  stamp: 'node_modules/.setup-packages',
  run: () => {
    // npm runs under the Node of the path, which may be another than the one that runs this.
    const { stdout } = spawnSync('node', ['--version'], { encoding: 'utf8' })
    if (majorOf(stdout ?? '') === majorOf(nodeVersion)) command('npm', ['ci', '--no-audit', '--no-fund'])
    else command('npx', ['--yes', `--package=node@${nodeVersion}`, '-c', 'npm ci --no-audit --no-fund'])
  },
})

step({
  name: 'pages',
  inputs: [
    'package-lock.json',
    'vite.config.ts',
    ...filesBelow('web').filter(file => !file.startsWith(join('web', 'dist'))),
  ],
  salt: nodeVersion,
  stamp: 'web/dist/.setup-pages',
  run: () =>
    command('node_modules/.bin/node', ['node_modules/vite/bin/vite.js', 'build', '--logLevel', 'warn']),
})

// For editors and for `tsc` in folders of assistants outside of this checkout.
step({
  name: 'types of tools',
  inputs: [
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.tools.json',
    ...filesBelow(join('runtime', 'tools')),
  ],
  salt: nodeVersion,
  stamp: 'dist/tools/.setup-types',
  run: () =>
    command('node_modules/.bin/node', ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.tools.json']),
})

if (process.argv.includes('--servers')) installServers()

/**
 * Redis and HAProxy, which tests, rehearsal and bench start for themselves; where they cannot be had, those tests say so.
 * SETUP_SERVERS=off leaves the system as it is.
 */
function installServers() {
  const missing = ['redis-server', 'haproxy'].filter(name => spawnSync('which', [name]).status !== 0)
  if (missing.length === 0 || process.env.SETUP_SERVERS === 'off') return
  if (process.getuid?.() !== 0 || spawnSync('which', ['apt-get']).status !== 0) {
    console.log(`setup: ${missing.join(' and ')} are not installed; what needs them says so`)
    return
  }
  console.log(
    `setup: installing Debian packages ${missing.join(' and ')} with apt-get (SETUP_SERVERS=off leaves the system alone) …`,
  )
  const quiet = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  spawnSync('apt-get', ['update'], quiet)
  spawnSync('apt-get', ['install', '-y', '--no-install-recommends', ...missing], quiet)
}

/** Runs one step unless its stamp already holds the hash of its inputs. */
function step({ name, inputs, salt, stamp, run }) {
  const hash = createHash('sha256').update(salt)
  for (const input of inputs) hash.update(input).update(readFileSync(join(root, input)))
  const wanted = hash.digest('hex')
  const stampFile = join(root, stamp)
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return
  console.log(`setup: ${name} …`)
  run()
  mkdirSync(dirname(stampFile), { recursive: true })
  writeFileSync(stampFile, wanted)
}

function majorOf(version) {
  return version.replace(/^v/, '').split('.')[0]
}

function command(program, args) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit' })
  if (status === 0) return
  console.error(
    `setup: "${program} ${args.join(' ')}" failed${error ? `: ${error.message}` : ` with exit code ${status}`}`,
  )
  process.exit(1)
}

function filesBelow(folder) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath ?? entry.path, entry.name).slice(root.length + 1))
    .sort()
}
