/** A strict reader of the XML that policies are written in: elements, attributes, text and comments. */

export interface Element {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly Element[]
  /** Text between its tags, without that of its children. */
  readonly text: string
}

const name = String.raw`[A-Za-z_][\w.-]*`
const token = new RegExp(
  [
    '<!--(?<comment>(?:(?!--)[^])*)-->',
    String.raw`<(?<open>${name})(?<attributes>(?:\s+${name}\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(?<empty>/?)>`,
    String.raw`</(?<close>${name})\s*>`,
    '(?<text>[^<]+)',
  ].join('|'),
  'y',
)
const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/** Reads a document. @throws Error that names the line of the first fault */
export function readXml(text: string): Element {
  const document = { name: '', attributes: new Map(), children: [] as Element[], text: '' }
  const open = [document]
  token.lastIndex = 0
  while (token.lastIndex < text.length) {
    const line = text.slice(0, token.lastIndex).split('\n').length
    const fail = (what: string): never => {
      throw new Error(`line ${line}: ${what}`)
    }
    const found = token.exec(text)?.groups ?? fail('is no tag, text or comment')
    const parent = open.at(-1) ?? document
    if (found.open !== undefined) {
      if (parent === document && document.children.length > 0) fail(`<${found.open}> is a second root`)
      const attributes = attributesOf(found.attributes ?? '', fail)
      const element = { name: found.open, attributes, children: [], text: '' }
      parent.children.push(element)
      if (found.empty === '') open.push(element)
    } else if (found.close !== undefined) {
      if (found.close !== parent.name) fail(`</${found.close}> closes <${parent.name}>`)
      open.pop()
    } else if (found.text !== undefined) {
      if (parent === document && found.text.trim() !== '') fail('text outside of the root')
      parent.text += decode(found.text, fail)
    }
  }
  if (open.length > 1) throw new Error(`<${open.at(-1)?.name}> is not closed`)
  const [root] = document.children
  if (root === undefined) throw new Error('there is no element')
  return root
}

function attributesOf(text: string, fail: (what: string) => never): Map<string, string> {
  const attributes = new Map<string, string>()
  for (const [, key = '', quoted = ''] of text.matchAll(/([\w.-]+)\s*=\s*("[^"]*"|'[^']*')/g)) {
    if (attributes.has(key)) fail(`"${key}" is there twice`)
    attributes.set(key, decode(quoted.slice(1, -1), fail))
  }
  return attributes
}

function decode(text: string, fail: (what: string) => never): string {
  return text.replace(/&(?:(\w+);)?/g, (whole, entity: string | undefined) => {
    return entities[entity ?? ''] ?? fail(`"${whole}" is no entity`)
  })
}
