/** Finds the fenced code blocks in a text as models write them, which is less strict than CommonMark 0.31, section 4.5. */
import { backtick, isSpace, openBrace, openBracket } from './ascii.ts'
import { closeOf, type Scan, unclosed } from './json-object.ts'

export interface Block {
  /** The fence names JSON (`json`, `jsonc` or `json5`, in any case). */
  readonly isJson: boolean
  /** Without the whitespace around it. */
  readonly content: string
  /** The text ends inside the block. */
  readonly isOpen: boolean
}

/** A run of backticks or tildes. */
interface Run {
  readonly mark: number
  readonly start: number
  readonly end: number
}

interface Opening extends Run {
  readonly isJson: boolean
  /** Index of the content's first character. */
  readonly content: number
}

const jsonTags = ['json', 'jsonc', 'json5']
const runs = /`{3,}|~{3,}/g
const restOfLine = /[ \t\r]*(?:\n|$)/y
const tagPattern = /[ \t]*([\w+#.-]*)[ \t]*/y
const indentOnly = /^[ \t\ufeff]*$/

/** A longer fence is closed by this many, so that the search for its end stays linear. */
const maxLength = 8

/**
 * Lists the fenced blocks, in order. A fence is three or more backticks or tildes. It opens at the start of a line or
 * behind words, with a tag or none; content begins on the next line or, an object or array, on the same. As many of
 * them close it: at the end of a line, or right behind the object that is the content. What is inside a block opens no
 * other; one that is never closed is the last.
 * @param scan counts the work: at most six steps a character
 */
export function readBlocks(text: string, scan: Scan): Block[] {
  return new BlockReader(text, scan).read()
}

class BlockReader {
  readonly #text: string
  readonly #scan: Scan
  /** Runs at the end of a line; made with the first opening. */
  #closings: readonly Run[] | null = null
  /** How far `#closings` was searched, by the mark and length that were searched for. */
  readonly #searched = new Map<string, number>()
  /** The end of the line that was read last. */
  #lineEnd = 0

  constructor(text: string, scan: Scan) {
    this.#text = text
    this.#scan = scan
  }

  read(): Block[] {
    const blocks: Block[] = []
    let at = 0
    for (;;) {
      const opening = this.#nextOpening(at)
      if (opening === null) return blocks
      const end = this.#endOf(opening)
      const content = this.#text.slice(opening.content, end?.start).trim()
      blocks.push({ isJson: opening.isJson, content, isOpen: end === null })
      if (end === null) return blocks
      at = end.end
    }
  }

  #nextOpening(from: number): Opening | null {
    let at = from
    for (;;) {
      runs.lastIndex = at
      const found = runs.exec(this.#text)
      this.#scan.steps += (found === null ? this.#text.length : found.index) - at
      if (found === null) return null
      const end = found.index + found[0].length
      const opening = this.#readOpening({ mark: found[0].charCodeAt(0), start: found.index, end })
      if (typeof opening !== 'number') return opening
      at = opening
    }
  }

  /** @returns for a run that opens nothing, the index at which to go on */
  #readOpening(run: Run): Opening | number {
    tagPattern.lastIndex = run.end
    const [info = '', tag = ''] = tagPattern.exec(this.#text) ?? []
    const isJson = jsonTags.includes(tag.toLowerCase())
    const behindTag = run.end + info.length
    this.#scan.steps += info.length
    if (isBracket(this.#text.charCodeAt(behindTag))) return { ...run, isJson, content: behindTag }
    const line = this.#text.slice(run.end, this.#lineEndBehind(run.end))
    // Backticks on one line that hold no object are code in a sentence.
    if (run.mark === backtick && line.includes('`')) return run.end + endOfCode(line, run.end - run.start)
    const isTagAlone = line.trimEnd().length <= info.length
    if (!isTagAlone && !this.#isFirstOnLine(run.start)) return run.end + line.length
    return { ...run, isJson, content: run.end + line.length + 1 }
  }

  #lineEndBehind(at: number): number {
    if (this.#lineEnd < at) {
      const end = this.#text.indexOf('\n', at)
      this.#lineEnd = end < 0 ? this.#text.length : end
      this.#scan.steps += this.#lineEnd - at
    }
    return this.#lineEnd
  }

  #isFirstOnLine(start: number): boolean {
    return indentOnly.test(this.#text.slice(this.#text.lastIndexOf('\n', start - 1) + 1, start))
  }

  #endOf(opening: Opening): Run | null {
    const atLineEnd = this.#closingOf(opening)
    const content = this.#text.slice(opening.content, atLineEnd?.start)
    const start = content.search(/\S/)
    if (start < 0 || !isBracket(content.charCodeAt(start))) return atLineEnd
    const end = closeOf(content, start, this.#scan)
    return end === unclosed ? atLineEnd : (this.#closingAt(opening.content + end, opening) ?? atLineEnd)
  }

  /** Finds the first run at the end of a line, behind an opening, that is long enough to close it. */
  #closingOf({ mark, start, end, content }: Opening): Run | null {
    this.#closings ??= this.#readClosings()
    const length = Math.min(end - start, maxLength)
    const key = `${mark}:${length}`
    let at = this.#searched.get(key) ?? 0
    const closes = (run: Run) => run.start >= content && run.mark === mark && run.end - run.start >= length
    for (let run = this.#closings[at]; run !== undefined && !closes(run); run = this.#closings[at]) at += 1
    this.#searched.set(key, at)
    return this.#closings[at] ?? null
  }

  #readClosings(): Run[] {
    this.#scan.steps += this.#text.length
    const all = Array.from(this.#text.matchAll(runs), ({ 0: run, index }) => ({
      mark: run.charCodeAt(0),
      start: index,
      end: index + run.length,
    }))
    // Not by the expression of the run: for each character of a long run it would look at all that follow.
    return all.filter(({ end }) => {
      restOfLine.lastIndex = end
      return restOfLine.test(this.#text)
    })
  }

  /** Reads a closing fence right behind the content's object; what follows it is not a tag. */
  #closingAt(behind: number, { mark, start, end }: Opening): Run | null {
    const text = this.#text
    let at = behind
    while (isSpace(text.charCodeAt(at))) at += 1
    const first = at
    while (text.charCodeAt(at) === mark) at += 1
    this.#scan.steps += at - behind
    const isLongEnough = at - first >= Math.min(end - start, maxLength)
    return isLongEnough && !/\w/.test(text.charAt(at)) ? { mark, start: first, end: at } : null
  }
}

function isBracket(code: number): boolean {
  return code === openBrace || code === openBracket
}

function endOfCode(line: string, length: number): number {
  const close = line.indexOf('`'.repeat(length))
  return close < 0 ? line.length : close + length
}
