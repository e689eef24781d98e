import test from 'ava'
import { parseFieldsMap } from '../../runtime/events/extract.ts'

test('a fields map is read in its order, space aside', t => {
  t.deepEqual(parseFieldsMap('response.*.done:text,part.text; conversation.* : item.content.0.text'), [
    { glob: 'response.*.done', fields: ['text', 'part.text'] },
    { glob: 'conversation.*', fields: ['item.content.0.text'] },
  ])
})

test('a blank fields map has no entries', t => {
  t.deepEqual(parseFieldsMap(''), [])
  t.deepEqual(parseFieldsMap(' \n'), [])
})

const malformed: readonly [text: string, entry: string, fault: string][] = [
  ['response.*', 'entry 1 "response.*"', 'has no ":"'],
  ['a:x;response.*', 'entry 2 "response.*"', 'has no ":"'],
  ['a:x;', 'entry 2 ""', 'has no ":"'],
  [';a:x', 'entry 1 ""', 'has no ":"'],
  ['a:x,b:y', 'entry 1 "a:x,b:y"', 'has more than one ":"'],
  [':x', 'entry 1 ":x"', 'has no glob before the ":"'],
  ['a:', 'entry 1 "a:"', 'has an empty field name'],
  ['a:x,,y', 'entry 1 "a:x,,y"', 'has an empty field name'],
  ['a: ,y', 'entry 1 "a: ,y"', 'has an empty field name'],
]

for (const [text, entry, fault] of malformed) {
  test(`the fields map ${JSON.stringify(text)} is refused: ${entry} ${fault}`, t => {
    t.throws(() => parseFieldsMap(text), {
      message: `${entry} ${fault}; an entry is glob:fieldA,fieldB and entries are separated by ";"`,
    })
  })
}
