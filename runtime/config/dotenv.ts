/** The file `.env` of the current folder: variables for those that the environment does not have. */
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'

/**
 * Adds the variables of the file to an environment, which keeps what it has. A byte order mark, which editors of Windows
 * write, belongs to no name.
 * @returns what is wrong with a file that cannot be read; null where it was read, or is not there
 */
export function addDotenv(environment: Record<string, string | undefined>, file = '.env'): string | null {
  const text = readText(file)
  if (text instanceof Error)
    return `${file} cannot be read (${text.message}): make it a text file that this user may read, or remove it`
  for (const [name, value] of Object.entries(parseEnv(text.replace(/^\uFEFF/, ''))))
    environment[name] ??= value
  return null
}

/** @returns the text, empty where there is no file; else why it cannot be read */
function readText(file: string): string | Error {
  try {
    return readFileSync(file, 'utf8')
  } catch (fault) {
    return (fault as NodeJS.ErrnoException).code === 'ENOENT' ? '' : (fault as Error)
  }
}
