/** What an image holds, laid out in a folder: as the Dockerfile copies it, with the packages that its install command names. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Package {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly link?: boolean
}
export type Packages = Readonly<Record<string, Package>>

export const readPackages = (): Packages =>
  (JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Packages }).packages

/** Whose packages the plain image has. */
export const plainManifests = ['', 'tracing']

/**
 * Places of the lockfile that `npm ci --omit=dev` fills for some of its manifests.
 * @param manifests '' is the root, others are workspaces
 */
export function placesOf(packages: Packages, manifests: readonly string[]): Set<string> {
  const places = new Set<string>()
  const visit = (owner: string) => {
    const { dependencies, optionalDependencies } = packages[owner] ?? {}
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const place = find(packages, owner, name)
      if (place === undefined || places.has(place)) continue
      places.add(place)
      visit(place)
    }
  }
  for (const manifest of manifests) visit(manifest)
  return places
}

/** Looks for a package as Node does: from a folder outwards. */
function find(packages: Packages, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder === '' ? '' : outwards(folder)) {
    const place = join(folder, 'node_modules', name)
    if (place in packages) return place
    if (folder === '') return undefined
  }
}

function outwards(folder: string): string {
  const end = folder.lastIndexOf('/node_modules/')
  return end < 0 ? '' : folder.slice(0, end)
}

/**
 * Lays out the plain image's files.
 * @param t removes them when the test ends
 * @param manifests whose packages it has; default those of the image
 */
export function layOutPlainImage(
  t: { teardown(run: () => void): void },
  manifests: readonly string[] = plainManifests,
): string {
  const app = mkdtempSync(join(tmpdir(), 'image-'))
  t.teardown(() => rmSync(app, { recursive: true }))
  cpSync(join(root, 'runtime'), join(app, 'runtime'), { recursive: true })
  for (const file of ['package.json', 'web/dist', 'assistants', 'image'])
    cpSync(join(root, file), join(app, file), { recursive: true })
  for (const place of placesOf(readPackages(), manifests)) {
    // Of another platform, or within one that is linked.
    if (place.lastIndexOf('node_modules/') > 0) continue
    mkdirSync(dirname(join(app, place)), { recursive: true })
    symlinkSync(join(root, place), join(app, place))
  }
  const bundling = ['--no-warnings', join(root, 'image/bundle-runtime.ts'), app]
  execFileSync(process.execPath, bundling, { stdio: 'pipe' })
  for (const left of ['runtime/simulator', 'image']) rmSync(join(app, left), { recursive: true })
  return app
}
