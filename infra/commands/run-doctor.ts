/** `npm run azure:doctor -- STACK [--recorded FILE]`: exits with 1 when something would stop the first update. */
import { readFileSync } from 'node:fs'
import { askCommand, askRecording, type Recording } from './azure-cli.ts'
import { diagnose } from './doctor.ts'
import { loadStack } from './stack-file.ts'

const [stack = 'dev', option, file = ''] = process.argv.slice(2)
const ask =
  option === '--recorded' ? askRecording(JSON.parse(readFileSync(file, 'utf8')) as Recording) : askCommand
const marks = { ok: 'ok     ', warning: 'warning', fault: 'FAULT  ' }

const findings = diagnose(loadStack(stack, new Date()), ask)
for (const { check, state, found, advice } of findings) {
  console.log(`${marks[state]} ${check}: ${found}`)
  if (advice !== '') console.log(`        ${advice}`)
}
const faults = findings.filter(({ state }) => state === 'fault').length
console.log(faults === 0 ? `\n${stack} can be created.` : `\n${faults} to mend before pulumi up.`)
if (faults > 0) process.exitCode = 1
