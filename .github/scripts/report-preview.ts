/** `node report-preview.ts STACK PLAN.json REPORT.md`: exit code 3 says that a reviewer must look. */
import { readFileSync, writeFileSync } from 'node:fs'
import { type Diagnostic, type PreviewStep, reportPreview } from './preview-report.ts'

const alarmExit = 3
const [stack = '', planFile = '', reportFile = ''] = process.argv.slice(2)
const plan = JSON.parse(readFileSync(planFile, 'utf8')) as {
  steps?: PreviewStep[]
  diagnostics?: Diagnostic[]
}
const { text, alarms } = reportPreview(stack, plan.steps ?? [], plan.diagnostics)
writeFileSync(reportFile, text)
for (const alarm of alarms) console.log(`::error::${alarm}`)
if (alarms.length > 0) process.exitCode = alarmExit
