/** Usage as CSV in the hands of a spreadsheet: no name of a caller, an assistant or a deployment becomes a formula or a cell. */
import test from 'ava'
import { createUsagePage } from '../../runtime/pages/usage.ts'

const row = (principal: string) => ({
  ...{ day: '2026-01-01', principal, assistant: 'default', deployment: 'gpt-realtime', tally: {} },
})

async function cellsOf(principal: string): Promise<string> {
  const handler = createUsagePage({
    ledger: { read: async () => [row(principal)], readAll: async () => [] },
    ...{ currency: 'USD', now: () => Date.parse('2026-01-01'), operators: new Set<string>() },
    operatorRole: undefined,
  })
  const { body } = await handler({
    ...{ method: 'GET', path: '/usage', id: '', query: new URLSearchParams('format=csv') },
    ...{ headers: new Map(), address: '127.0.0.1', body: Buffer.alloc(0) },
  })
  const line = String(body).slice(String(body).indexOf('\r\n') + 2)
  return line.slice('2026-01-01,'.length, line.lastIndexOf(',default,gpt-realtime'))
}

for (const [principal, cell] of [
  ['=1+1', "'=1+1"],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\t=1', '"\'\t=1"'],
  ['\r=1', '"\'\r=1"'],
  ['\n=1', '"\'\n=1"'],
  ['＝1', "'＝1"],
  ['＠a', "'＠a"],
  ['a;=1', '"a;=1"'],
  ['a\t=1', '"a\t=1"'],
  ['a",=1', '"a"",=1"'],
  ['key:kiosk', 'key:kiosk'],
] as const)
  test(`${JSON.stringify(principal)} is written as one text`, async t => {
    t.is(await cellsOf(principal), cell)
  })
