/**
 * The files of an assistant's folder as they are at one moment: what instructions may quote, and what the version is a
 * hash of. Symbolic links are not followed, so that nothing outside of the folder is read.
 */
import { createHash, type Hash } from 'node:crypto'
import { type Dirent, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative, resolve, sep } from 'node:path'

/** Largest file that is read into memory, and all of an assistant's together (bytes). */
export const maxFileBytes = 1024 * 1024
export const maxFolderBytes = 16 * 1024 * 1024

/** So many files are looked at: a folder with more is no assistant's. */
const maxFiles = 2000

/** Never read: packages are known by their lockfile, and what begins with a dot is an editor's or the system's. */
function isPassedOver({ name }: Dirent): boolean {
  return name === 'node_modules' || name.startsWith('.')
}

export interface FolderFile {
  /** Relative to the assistant's folder, with `/`. */
  readonly path: string
  readonly bytes: Buffer
}

export interface AssistantFolder {
  /** Absolute path. */
  readonly path: string
  /** By path relative to the folder, with `/`. */
  readonly files: ReadonlyMap<string, FolderFile>
  /** Paths of symbolic links, which are not followed. */
  readonly links: ReadonlySet<string>
  /** Sentences about what cannot be read. */
  readonly faults: readonly { readonly path: string; readonly message: string }[]
}

/** Reads a folder. @param path absolute */
export function readFolder(path: string): AssistantFolder {
  const files = new Map<string, FolderFile>()
  const links = new Set<string>()
  const faults: { path: string; message: string }[] = []
  let bytes = 0
  const walk = (below: string): void => {
    const entries = readdirSync(join(path, below), { withFileTypes: true }).filter(
      entry => !isPassedOver(entry),
    )
    for (const entry of entries.sort((a, b) => compareNames(a.name, b.name))) {
      const name = posix.join(below, entry.name)
      if (entry.isSymbolicLink()) links.add(name)
      else if (entry.isDirectory()) walk(name)
      else if (entry.isFile() && files.size < maxFiles) {
        const { size } = lstatSync(join(path, name))
        bytes += size
        if (size > maxFileBytes)
          faults.push({ path: name, message: `has ${size} bytes; allowed are ${maxFileBytes}` })
        else if (bytes <= maxFolderBytes)
          files.set(name, { path: name, bytes: readFileSync(join(path, name)) })
      }
    }
  }
  walk('')
  if (bytes > maxFolderBytes)
    faults.push({ path: '', message: `has ${bytes} bytes of files; allowed are ${maxFolderBytes}` })
  if (files.size >= maxFiles)
    faults.push({ path: '', message: `has ${maxFiles} files or more; allowed are fewer` })
  return { path, files, links, faults }
}

/** Names in the order of their code units: the same on every machine, which the locale is not. */
function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Characters of a version: 48 bits tell the versions of one folder apart. */
const versionChars = 12

/**
 * Makes the version of an assistant: a hash of its files, of what they import from elsewhere below the folder of all
 * assistants, and of the lockfiles of the packages that they may import.
 * @param root absolute path of the folder of all assistants
 * @returns 12 hexadecimal digits
 */
export function versionOf(folder: AssistantFolder, root: string): string {
  const hash = createHash('sha256')
  for (const { path, bytes } of folder.files.values()) add(hash, path, bytes)
  for (const path of [...importedFiles(folder, root), ...lockfiles(root)].sort(compareNames)) {
    const bytes = readIfFile(path)
    if (bytes !== null) add(hash, `/${relative(root, path).split(sep).join('/')}`, bytes)
  }
  return hash.digest('hex').slice(0, versionChars)
}

/** Each file counts with its name and its length, so that no two sets of files hash alike. */
function add(hash: Hash, path: string, bytes: Buffer): void {
  hash.update(`${Buffer.byteLength(path)}:${path}:${bytes.length}:`).update(bytes)
}

const lockfileNames = ['package-lock.json', 'npm-shrinkwrap.json', 'pnpm-lock.yaml', 'yarn.lock']

function lockfiles(root: string): string[] {
  return lockfileNames.map(name => join(root, name))
}

const moduleFile = /\.[cm]?[jt]s$/

/** Relative imports and exports, static and dynamic, as JavaScript and TypeScript write them. */
const importPattern = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)(['"])(\.{1,2}\/[^'"\n]+)\1/g

/** Files outside of the folder that its modules import, directly or by others. @returns absolute paths */
function importedFiles(folder: AssistantFolder, root: string): Set<string> {
  const found = new Set<string>()
  const waiting = [...folder.files.values()]
    .filter(({ path }) => moduleFile.test(path))
    .map(({ path, bytes }) => ({ path: join(folder.path, path), text: bytes.toString() }))
  for (let module = waiting.pop(); module !== undefined; module = waiting.pop()) {
    for (const [, , specifier = ''] of module.text.matchAll(importPattern)) {
      const target = resolve(dirname(module.path), specifier)
      const isInside = target.startsWith(folder.path + sep) || !target.startsWith(root + sep)
      if (isInside || found.has(target) || found.size >= maxFiles) continue
      const bytes = readIfFile(target)
      if (bytes === null) continue
      found.add(target)
      if (moduleFile.test(target)) waiting.push({ path: target, text: bytes.toString() })
    }
  }
  return found
}

/** @returns null for what is no file, or larger than is read */
function readIfFile(path: string): Buffer | null {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  return stats?.isFile() && stats.size <= maxFileBytes * 8 ? readFileSync(path) : null
}
