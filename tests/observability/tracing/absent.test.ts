/** Where tracing is off nothing of OpenTelemetry is loaded. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { importsOf, root } from '../../repository/layout.ts'

const packages = /^@opentelemetry\/|^@azure\/monitor-/

/** What is loaded with a file: its imports of values that are not made later. */
function loadedWith(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  const typesAlone = new Set(
    [...text.matchAll(/import type [^'"]*? from '([^']+)'/g)].map(match => match[1] ?? ''),
  )
  const later = new Set([...text.matchAll(/import\(\s*'([^']+)'/g)].map(match => match[1] ?? ''))
  return importsOf(file).filter(name => !typesAlone.has(name) && !later.has(name))
}

test('one file imports the packages, and it is imported only when tracing begins', t => {
  const files = globSync('runtime/**/*.ts', { cwd: root })
  const importing = files.filter(file => loadedWith(file).some(name => packages.test(name)))
  t.deepEqual(importing, ['runtime/observability/tracing/exporters.ts'])
  const loading = files.filter(file =>
    loadedWith(file).some(name => /(^|\/)(exporters|tracing\/tracing)\.ts$/.test(name)),
  )
  t.deepEqual(loading, [])
})
