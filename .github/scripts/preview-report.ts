/**
 * Tells a reviewer what a preview would do, and raises the alarm when it would touch the Application Gateway:
 * any update of it drains, then cuts, every open socket.
 */

/** A step of `pulumi preview --json`. */
export interface PreviewStep {
  readonly op: string
  readonly urn: string
  readonly diffReasons?: readonly string[] | null
  readonly replaceReasons?: readonly string[] | null
}

/** What the program said on the way, as `pulumi preview --json` has it. */
export interface Diagnostic {
  readonly severity: string
  readonly message: string
}

/** What `pulumi preview --json` prints. */
export interface Preview {
  readonly steps?: readonly PreviewStep[]
  readonly diagnostics?: readonly Diagnostic[]
}

export interface PreviewReport {
  /** Markdown. */
  readonly text: string
  readonly alarms: readonly string[]
}

const quiet = new Set(['same', 'read', 'refresh'])
const gatewayType = 'azure-native:network:ApplicationGateway'
/** Any change of these cuts sockets. */
const alarming: Readonly<Record<string, string>> = {
  [gatewayType]: 'every open socket is cut once it has drained',
  'azure-native:network:WebApplicationFirewallPolicy': 'the gateway that it belongs to is updated with it',
}
/** To lose these cuts sockets, or takes away what no update brings back. */
const alarmingReplacement: Readonly<Record<string, string>> = {
  'azure-native:resources:ResourceGroup': 'all that stands in it is deleted',
  'azure-native:app:ManagedEnvironment': 'the environment and the app in it are deleted first',
  'azure-native:app:ContainerApp': 'all of its revisions are deleted, with every socket',
  'azure-native:network:VirtualNetwork': 'all that stands in it is deleted first',
  'azure-native:network:Subnet': 'all that stands in it is deleted first',
  'azure-native:redisenterprise:RedisEnterprise': 'kept conversations and counts are lost',
  'azure-native:redisenterprise:Database': 'kept conversations and counts are lost',
  'azure-native:cognitiveservices:Account': 'its name is blocked for 48 hours, and its deployments are gone',
  'azure-native:cognitiveservices:Deployment': 'the model cannot be reached meanwhile',
  'azure-native:network:PublicIPAddress': 'the public address changes',
  'azure-native:containerregistry:Registry': 'the images of running revisions are deleted',
}

/** Writes the report of a stack's preview. */
export function reportPreview(
  stack: string,
  steps: readonly PreviewStep[],
  diagnostics: readonly Diagnostic[] = [],
): PreviewReport {
  const changes = steps.filter(({ op }) => !quiet.has(op)).map(step => ({ ...step, ...partsOf(step.urn) }))
  const alarms = changes.flatMap(({ op, type, name }) => {
    // Creating the gateway cuts nothing.
    const reason =
      op === 'create'
        ? undefined
        : (alarming[type] ?? (/replace|delete/.test(op) ? alarmingReplacement[type] : undefined))
    return reason === undefined ? [] : [`${op} ${type} ${name}: ${reason}`]
  })
  const lines = [`### Preview of \`${stack}\``, '']
  for (const alarm of alarms) lines.push(`> [!CAUTION]`, `> ${alarm}`, '')
  for (const { message } of diagnostics.filter(({ severity }) => severity === 'warning')) {
    lines.push('> [!WARNING]', `> ${message.trim().replaceAll('\n', ' ')}`, '')
  }
  if (changes.length === 0) lines.push('Nothing changes.')
  else {
    lines.push('| | resource | what changes |', '|---|---|---|')
    for (const { op, type, name, diffReasons, replaceReasons } of changes) {
      const what = [...new Set([...(replaceReasons ?? []), ...(diffReasons ?? [])])]
        .map(path => `\`${path}\``)
        .join(', ')
      lines.push(`| ${op} | ${type} \`${name}\` | ${what} |`)
    }
  }
  return { text: `${lines.join('\n')}\n`, alarms }
}

/** What a preview that failed said, a line for each fault; empty where it said nothing. */
export function listErrors(diagnostics: readonly Diagnostic[]): string {
  return diagnostics
    .filter(({ severity }) => severity === 'error')
    .map(({ message }) => message.trim())
    .join('\n')
}

/** Most characters of what Pulumi said that a comment repeats. */
const mostFaultText = 4000

/** Writes the report of a preview that failed: what the program said, else what Pulumi printed. */
export function reportFailure(
  stack: string,
  diagnostics: readonly Diagnostic[],
  printed: string,
): PreviewReport {
  const text = (listErrors(diagnostics) || printed.trim()).slice(0, mostFaultText)
  const lines = [
    `### Preview of \`${stack}\``,
    '',
    '> [!CAUTION]',
    '> The preview failed.',
    '',
    '```',
    text,
    '```',
  ]
  return { text: `${lines.join('\n')}\n`, alarms: [] }
}

/** Reads what `pulumi preview --json` printed; null where it ended before it had a plan. */
export function readPreview(text: string): Preview | null {
  try {
    return JSON.parse(text) as Preview
  } catch {
    return null
  }
}

function partsOf(urn: string): { type: string; name: string } {
  const [, , type = '', name = ''] = urn.split('::')
  return { type: type.split('$').at(-1) ?? type, name }
}
