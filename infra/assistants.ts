/** What the stack must know of the assistants that the image is made with: their versions, and the variables of their tools. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { RunError } from '@pulumi/pulumi'
import { assistantFile, isAssistantFolder } from '../runtime/assistants/assistant.ts'
import { readAssistantFile } from '../runtime/assistants/assistant-file.ts'
import { describe } from '../runtime/assistants/faults.ts'
import { readFolder, versionOf } from '../runtime/assistants/folder.ts'
import { environment } from '../runtime/config/environment.ts'
import { ownVariables } from './own-variables.ts'

export interface StackAssistants {
  /** By name of the assistant. */
  readonly versions: Readonly<Record<string, string>>
  /** By name of the variable: those that an assistant declares, and no others. */
  readonly secrets: Readonly<Record<string, string>>
  /** Names of secrets that no assistant declares. */
  readonly unused: readonly string[]
}

/** Names that a secret of the container app can be told apart by: its own name has lower-case letters, digits and dashes. */
const variableName = /^[A-Z]([A-Z0-9_]*[A-Z0-9])?$/

/** Name of the secret that is an assistant's variable, in Key Vault and in the container app. */
export function secretOfVariable(variable: string): `env-${string}` {
  return `env-${variable.toLowerCase().replaceAll('_', '-')}`
}

/**
 * Reads the folder that is baked into the image.
 * @param root absolute path; one that is not there has no assistants
 * @param values of the setting assistantSecrets
 * @throws RunError with every variable that has no value, and what to type
 */
export function readAssistants(root: string, values: Readonly<Record<string, string>>): StackAssistants {
  const versions: Record<string, string> = {}
  const declared = new Set<string>()
  const faults: string[] = []
  const names = existsSync(root) ? readdirSync(root).sort() : []
  for (const name of names.filter(name => isAssistantFolder(join(root, name)))) {
    const folder = readFolder(join(root, name))
    const file = `${name}/${assistantFile}`
    const read = readAssistantFile(file, folder.files.get(assistantFile)?.bytes.toString() ?? '')
    faults.push(...read.faults.map(describe))
    versions[name] = versionOf(folder, root)
    for (const [at, variable] of (read.values?.env ?? []).entries()) {
      const fault = faultOf(variable, values)
      if (fault === null) declared.add(variable)
      else faults.push(`${file}: env[${at}] is "${variable}", which ${fault}`)
    }
  }
  if (faults.length > 0)
    throw new RunError(
      `The assistants cannot be deployed:\n${faults.map(fault => `  - ${fault}`).join('\n')}`,
    )
  const secrets = Object.fromEntries(Object.entries(values).filter(([name]) => declared.has(name)))
  return { versions, secrets, unused: Object.keys(values).filter(name => !declared.has(name)) }
}

/** @returns null where a variable can be given to the tools */
function faultOf(variable: string, values: Readonly<Record<string, string>>): string | null {
  if (Object.hasOwn(environment.shape, variable) || ownVariables.includes(variable))
    return "is the gateway's own, or the platform's; tools see none of those"
  if (!variableName.test(variable))
    return 'cannot be named in Azure; use capital letters, digits and _, a letter first and no _ last'
  if (Object.hasOwn(values, variable)) return null
  const wanted = JSON.stringify(
    Object.fromEntries([...Object.keys(values), variable].map(name => [name, '…'])),
  )
  return `has no value; type: pulumi config set --secret assistantSecrets '${wanted}'`
}
