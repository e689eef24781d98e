/** What is installed is what was reviewed: hashes in the lockfile, and that of the native code. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test from 'ava'

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)))

interface Lock {
  readonly packages: Record<
    string,
    { version?: string; integrity?: string; link?: boolean; optional?: boolean }
  >
}

/** Of the registry at which the lockfile was made these cannot be had; none of them is for Linux on x64. */
const unserved = ['darwin-arm64', 'darwin-x64', 'linux-arm', 'linux-arm64', 'win32-x64'].flatMap(platform =>
  [18, 20, 22, 23].map(node => `node_modules/@uwsjs/${platform}-${node}`),
)

test('every package of the lockfile has its hash, on every platform where it could be had', t => {
  const { packages } = JSON.parse(String(read('package-lock.json'))) as Lock
  const installed = Object.entries(packages).filter(
    ([place, { link }]) => place.startsWith('node_modules/') && !link,
  )
  t.true(installed.length > 100)
  const unhashed = installed.filter(([, { integrity }]) => integrity === undefined)
  t.deepEqual(
    unhashed.map(([place]) => place).sort(),
    [...unserved].sort(),
    'run "node .ci/complete-lockfile.mjs"',
  )
  for (const [place, { optional }] of unhashed) t.true(optional, place)
  for (const [place, { integrity }] of installed)
    if (integrity !== undefined) t.regex(integrity, /^sha512-[A-Za-z0-9+/]{86}==$/, place)
})

test('the native code that runs in the image is the one that SECURITY.md names by its hash', t => {
  const rows = [
    ...String(read('SECURITY.md')).matchAll(/^\| `(@uwsjs\/\S+)` (\S+) \| `([0-9a-f]{64})` \|$/gm),
  ]
  t.true(rows.length > 0)
  const { packages } = JSON.parse(String(read('package-lock.json'))) as Lock
  for (const [, file = '', version, hash] of rows) {
    const place = `node_modules/${file.slice(0, file.lastIndexOf('/'))}`
    t.is(packages[place]?.version, version ?? '')
    // Another platform has another file; the lockfile's hash is compared by npm there.
    if (process.platform !== 'linux' || process.arch !== 'x64') continue
    t.true(existsSync(fileURLToPath(new URL(`../../${place}`, import.meta.url))), place)
    t.is(
      createHash('sha256')
        .update(read(`node_modules/${file}`))
        .digest('hex'),
      hash ?? '',
    )
  }
})
