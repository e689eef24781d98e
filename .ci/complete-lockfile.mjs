// Adds to package-lock.json the optional platform packages that npm left out because the machine
// that wrote the lockfile could not see them. Without these entries `npm ci` refuses the lockfile
// ("Missing: … from lock file") wherever the registry does list them. Then asks the registry for every
// integrity hash that is missing, so that no platform installs a package unchecked. Run after `npm install`.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

const file = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(file, 'utf8'))
const platform =
  /(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|x64|ia32)(?:-(gnu|musl))?(?:-(\d+))?$/
let added = 0

for (const owner of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(owner.optionalDependencies ?? {})) {
    const match = platform.exec(name)
    const place = `node_modules/${name}`
    if (!match || lock.packages[place]) continue
    const [, os, cpu, libc, node] = match
    lock.packages[place] = {
      version,
      cpu: [cpu],
      ...(libc && { libc: libc === 'gnu' ? 'glibc' : libc }),
      optional: true,
      ...(owner.dev && { dev: true }),
      os: [os],
      ...(node && { engines: { node: `>=${node}.0.0 <${Number(node) + 1}.0.0` } }),
    }
    added += 1
  }
}

const unknown = []
let hashed = 0
for (const [place, entry] of Object.entries(lock.packages)) {
  // The root and its workspaces are this repository's own.
  if (!place.startsWith('node_modules/') || entry.link || entry.integrity) continue
  const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length)
  const asked = ['view', `${entry.name ?? name}@${entry.version}`, 'dist.integrity']
  const { stdout } = spawnSync('npm', asked, { encoding: 'utf8' })
  const integrity = stdout.trim()
  if (!/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity)) {
    unknown.push(place)
    continue
  }
  const { version, ...others } = entry
  lock.packages[place] = { version, integrity, ...others }
  hashed += 1
}

const [root, ...rest] = Object.entries(lock.packages)
lock.packages = Object.fromEntries([root, ...rest.sort(([a], [b]) => (a < b ? -1 : 1))])
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
console.log(`package-lock.json: ${added} platform packages and ${hashed} hashes added`)
for (const place of unknown) console.error(`package-lock.json: the registry gave no sha512 hash for ${place}`)
process.exit(unknown.length === 0 ? 0 : 1)
