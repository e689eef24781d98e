/** `node report-preview.ts STACK PLAN.json REPORT.md [FAULTS.txt]`: exit code 3 says that a reviewer must look. */
import { readFileSync, writeFileSync } from 'node:fs'
import { readPreview, reportFailure, reportPreview } from './preview-report.ts'

const alarmExit = 3
const [stack = '', planFile = '', reportFile = '', faultsFile] = process.argv.slice(2)
const plan = readPreview(readFileSync(planFile, 'utf8'))
const failed = plan === null || (plan.diagnostics ?? []).some(({ severity }) => severity === 'error')
const { text, alarms } = failed
  ? reportFailure(
      stack,
      plan?.diagnostics ?? [],
      faultsFile === undefined ? '' : readFileSync(faultsFile, 'utf8'),
    )
  : reportPreview(stack, plan.steps ?? [], plan.diagnostics)
writeFileSync(reportFile, text)
for (const alarm of alarms) console.log(`::error::${alarm}`)
if (alarms.length > 0) process.exitCode = alarmExit
