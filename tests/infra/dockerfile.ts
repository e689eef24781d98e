/** The Dockerfile, read: its stages, and what an image is made of. */

export interface Instruction {
  readonly keyword: string
  readonly rest: string
}
/** The instructions of one stage; the first is `FROM`. */
export type Stage = readonly Instruction[]

/** Reads a Dockerfile, with continued lines joined. */
export function stagesOf(text: string): Stage[] {
  const lines = text
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .filter(line => line.trim() !== '' && !line.startsWith('#'))
    .map(line => ({ keyword: line.split(' ', 1)[0] ?? '', rest: line.slice(line.indexOf(' ') + 1).trim() }))
  const starts = lines.flatMap(({ keyword }, index) => (keyword === 'FROM' ? [index] : []))
  return starts.map((start, index) => lines.slice(start, starts[index + 1]))
}

export function stageNamed(stages: readonly Stage[], name: string): Stage {
  return stages.find(stage => stage[0]?.rest.endsWith(` AS ${name}`)) ?? []
}

/** The instructions of an image, those of the stages that it stands on first. @param target default: the last stage */
export function imageOf(stages: readonly Stage[], target?: string): Stage {
  const stage = target === undefined ? (stages.at(-1) ?? []) : stageNamed(stages, target)
  const [parent = ''] = stage[0]?.rest.split(' ') ?? []
  return stageNamed(stages, parent).length === 0 ? stage : [...imageOf(stages, parent), ...stage]
}

export const valuesOf = (stage: Stage, keyword: string): string[] =>
  stage.filter(line => line.keyword === keyword).map(({ rest }) => rest)
