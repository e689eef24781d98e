/** Environments of all kinds: each is a configuration, or faults that name its variables. */
import fc from 'fast-check'
import { ConfigError, readConfig } from '../../runtime/config/config.ts'
import { environment } from '../../runtime/config/environment.ts'
import type { Surface } from './surface.ts'
import { bytes } from './values.ts'

const names = Object.keys(environment.shape)
const value = fc.oneof(
  fc.constantFrom(
    ...[
      '',
      ' ',
      '0',
      '1',
      '-1',
      '1e9',
      'NaN',
      'Infinity',
      '0x10',
      'true',
      'false',
      'auto',
      'none',
      'key',
      'entra',
    ],
    ...[
      'key,entra',
      'a:b',
      'a:b,a:c',
      ':',
      ',',
      ',,',
      '*',
      '[',
      '[!',
      '[]',
      'a:b;c:d',
      'a:',
      ';',
      'glob:f1,f2',
    ],
    ...[
      'https://x.openai.azure.com',
      'https://x.openai.azure.com,https://y.openai.azure.com',
      'http://127.0.0.1:1',
    ],
    ...[
      'http://example.com',
      'https://',
      'https://[::1',
      'wss://x',
      'redis://:p@h:99999',
      'redis://',
      'file:///etc',
    ],
    ...['semantic_vad', 'server_vad', 'ga', 'preview', 'fenced_or_bare', 'replace', 'wrap', 'error', 'drop'],
    ...[
      '2024-10-01-preview',
      '2025-01-01',
      '__proto__',
      'constructor',
      'gpt-realtime',
      'gpt-realtime,gpt-realtime',
    ],
  ),
  fc.string({ unit: 'binary', maxLength: 30 }),
  bytes(30),
)

export const settings: Surface<Record<string, string>> = {
  name: 'settings',
  batch: 50,
  inputs: fc.dictionary(fc.oneof({ weight: 19, arbitrary: fc.constantFrom(...names) }, bytes(10)), value, {
    maxKeys: 12,
    noNullPrototype: true,
  }),
  start: async () => ({
    play: async given => assertRead(given),
    check: async () => undefined,
    finish: async () => undefined,
  }),
}

function assertRead(given: Record<string, string>): void {
  try {
    readConfig(given)
  } catch (fault) {
    if (!(fault instanceof ConfigError)) throw fault
    for (const sentence of fault.faults)
      if (!names.some(name => sentence.startsWith(name))) throw new Error(`no variable is named: ${sentence}`)
  }
}
