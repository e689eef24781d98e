/** Lists of globs over event types, as people write them: separated by commas. The gateway's own compiler reads each. */
import { compileGlob } from '../../runtime/events/glob.ts'

/**
 * Compiles several globs: does any match?
 * @returns undefined where there is no pattern at all
 */
export function compileGlobs(patterns: string): ((text: string) => boolean) | undefined {
  const globs = splitGlobs(patterns).map(compileGlob)
  return globs.length === 0 ? undefined : text => globs.some(glob => glob(text))
}

/** The patterns of a comma-separated list. */
export function splitGlobs(patterns: string): string[] {
  return patterns
    .split(',')
    .map(pattern => pattern.trim())
    .filter(pattern => pattern !== '')
}
