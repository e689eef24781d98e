/**
 * The whole resource graph of each stack, as text: a reviewer reads the change of these files.
 * `UPDATE_GRAPHS=1 npx ava tests/infra/snapshot.test.ts` writes them anew.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import * as yaml from 'js-yaml'
import { readText, runProgram, subscriptionId } from './azure.ts'

const rewrite = process.env.UPDATE_GRAPHS === '1'

for (const stack of ['dev', 'prod']) {
  test.serial(`the resource graph of ${stack} is the one in tests/infra/snapshots/${stack}.txt`, async t => {
    const { resources, outputs } = await runProgram({ stack })
    const graph = {
      resources: Object.fromEntries(
        resources.map(({ type, name, inputs }) => [`${type.replace('azure-native:', '')} ${name}`, inputs]),
      ),
      // A change of an assistant is none of the graph.
      outputs: { ...outputs, assistantVersions: Object.keys(outputs.assistantVersions as object) },
    }
    const text = yaml
      .dump(graph, { sortKeys: true, lineWidth: 200, noRefs: true })
      .replaceAll(subscriptionId, '<subscription>')
    const file = `tests/infra/snapshots/${stack}.txt`
    if (rewrite) writeFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), text)
    t.is(
      text,
      readText(file),
      'if the change is meant, run UPDATE_GRAPHS=1 npx ava tests/infra/snapshot.test.ts',
    )
  })
}
