import test from 'ava'
import { findJson } from './find-json.ts'

const object = '{"a":1}'

const accepted: readonly [what: string, text: string][] = [
  ['a json tag', '```json\n{"a":1}\n```'],
  ['a tag in capitals', '```JSON\n{"a":1}\n```'],
  ['a space before the tag', '``` json\n{"a":1}\n```'],
  ['words behind the tag', '```json title="order"\n{"a":1}\n```'],
  ['no tag', '```\n{"a":1}\n```'],
  ['another tag', '```python\n{"a":1}\n```'],
  ['CRLF line ends', 'Here:\r\n```json\r\n{"a":1}\r\n```\r\n'],
  ['blank lines around the object', '```json\n\n {"a":1} \n\n```'],
  ['an indent, as in a list', '1. Here:\n     ```json\n     {"a":1}\n     ```'],
  ['more than three backticks', '````json\n{"a":1}\n````'],
  ['a longer closing fence', '```json\n{"a":1}\n`````  '],
  ['a byte order mark before it', '\ufeff```json\n{"a":1}\n```'],
  ['prose on both sides', 'Sure!\n```json\n{"a":1}\n```\nAnything else?'],
  ['inline code before it', 'Use ```x``` so:\n```json\n{"a":1}\n```'],
  ['an untagged fence before it', '```\n{"no":1}\n```\n```json\n{"a":1}\n```'],
  ['an untagged fence behind it', '```json\n{"a":1}\n```\n```\n{"no":1}\n```'],
  ['a json fence that is broken before it', '```json\n{broken\n```\n```json\n{"a":1}\n```'],
  ['a json fence with an array before it', '```json\n[1]\n```\n```\n{"a":1}\n```'],
  ['another json fence behind it', '```json\n{"a":1}\n```\n```json\n{"no":1}\n```'],
  ['a bare object before it', '{"no":1}\n```json\n{"a":1}\n```'],
  ['words before it on its line', 'Here: ```json\n{"a":1}\n```'],
  ['words before it and the object on its line', 'Here: ```json {"a":1} ``` as you asked.'],
  ['all of it on one line', '```json {"a":1} ```'],
  ['all of it on one line, without a space', '```{"a":1}```'],
  ['its end on the line of the object', '```json\n{"a":1}```'],
  ['its end on the line of the object, and words behind it', '```json\n{"a":1}``` Enjoy!'],
  ['words behind its end', '```json\n{"a":1}\n``` Enjoy!'],
  ['tildes', '~~~json\n{"a":1}\n~~~'],
  ['tildes around backticks', '~~~json\n{"a":1}\n~~~\n```\n{"no":1}\n```'],
  ['the tag jsonc', '```jsonc\n{"a":1}\n```'],
  ['the tag JSON5', '```JSON5\n{"a":1}\n```'],
  ['two of them on one line', '```json {"a":1} ``` or ```json {"no":1} ```'],
  ['a fence in a sentence before it', 'A fence opens by ``` and a tag.\n```json\n{"a":1}\n```'],
  ['more of them than eight', '`````````json\n{"a":1}\n`````````'],
]

for (const [what, text] of accepted) {
  test(`a fence is read with ${what}`, t => {
    t.is(findJson(text, 'strict_fence'), object)
    t.is(findJson(text, 'fenced_or_bare'), object)
  })
}

const refused: readonly [what: string, text: string][] = [
  ['is not there', '{"a":1}'],
  ['is not closed', '```json\n{"a":1}\n'],
  ['is closed by fewer backticks', '````json\n{"a":1}\n```'],
  ['has only two backticks', '``json\n{"a":1}\n``'],
  ['holds words beside the object', '```json\nResult: {"a":1}\n```'],
  ['holds two objects', '```json\n{"a":1}\n{"a":1}\n```'],
  ['holds a tagged fence line', '```json\n{"a":1}\n```json\n{"a":2}\n```'],
  ['has a backtick behind its tag', '```json `\n{"a":1}\n```'],
  ['holds an array', '```json\n[{"a":1}]\n```'],
]

for (const [what, text] of refused) {
  test(`a fence that ${what} yields nothing, and the bare object is found`, t => {
    t.is(findJson(text, 'strict_fence'), null)
    t.is(findJson(text, 'fenced_or_bare'), object)
    t.is(findJson(text, 'first_object'), object)
  })
}

test('a fence in a string is content, not a fence', t => {
  const json = '{"md":"```","code":"```json {} ```"}'
  t.is(findJson(`\`\`\`json\n${json}\n\`\`\``, 'strict_fence'), json)
})

test('a fence that opens inside another opens nothing', t => {
  const text = '````markdown\n```json\n{"a":1}\n```\n````'
  t.is(findJson(text, 'strict_fence'), null)
  t.is(findJson(text, 'fenced_or_bare'), object)
})

test('a fence in a string is content where the fence ends on the line of the object', t => {
  const json = '{"md":"```","code":"~~~ ```json {} ```"}'
  for (const text of [`\`\`\`json ${json} \`\`\``, `So: \`\`\`\n${json}\`\`\`\n`, `~~~${json}~~~`])
    t.is(findJson(text, 'strict_fence'), json)
})
