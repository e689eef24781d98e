/** `npm run azure:doctor -- STACK [--recorded FILE]`. */
import { existsSync, readFileSync } from 'node:fs'
import { askCommand, askRecording, type Recording } from './azure-cli.ts'
import { runCommand, UsageError } from './command.ts'
import { diagnose } from './doctor.ts'
import { loadStack } from './stack-file.ts'

const help = `npm run azure:doctor -- [STACK] [--recorded FILE]

Says what would stop the first update of a stack (dev), and what to do, before anything is created.
Exit code 1: there is something to mend. With --recorded, answers of az come from a file.`

const marks = { ok: 'ok     ', warning: 'warning', fault: 'FAULT  ' }

await runCommand(help, ([stack = 'dev', option, file = '']) => {
  if (option !== undefined && option !== '--recorded') throw new UsageError(`${option} is no option`)
  if (!existsSync(`Pulumi.${stack}.yaml`))
    throw new UsageError(`There is no stack ${stack}: no file Pulumi.${stack}.yaml`)
  const ask =
    option === '--recorded' ? askRecording(JSON.parse(readFileSync(file, 'utf8')) as Recording) : askCommand
  const findings = diagnose(loadStack(stack, new Date()), ask)
  for (const { check, state, found, advice } of findings) {
    console.log(`${marks[state]} ${check}: ${found}`)
    if (advice !== '') console.log(`        ${advice}`)
  }
  const faults = findings.filter(({ state }) => state === 'fault').length
  console.log(faults === 0 ? `\n${stack} can be created.` : `\n${faults} to mend before pulumi up.`)
  if (faults > 0) process.exitCode = 1
})
