// Adds to package-lock.json the optional platform packages that npm left out because the machine
// that wrote the lockfile could not see them. Without these entries `npm ci` refuses the lockfile
// ("Missing: … from lock file") wherever the registry does list them. Run after `npm install`.
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

const [root, ...rest] = Object.entries(lock.packages)
lock.packages = Object.fromEntries([root, ...rest.sort(([a], [b]) => (a < b ? -1 : 1))])
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
console.log(`package-lock.json: ${added} platform packages added`)
