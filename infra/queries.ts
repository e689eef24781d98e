/** What is asked of the log: by the alert, by the workbook, and by a person who copies it from docs/azure/monitoring.md. */

const parsed = (app: string) => [
  'ContainerAppConsoleLogs',
  `| where ContainerAppName == '${app}'`,
  '| extend entry = parse_json(Log)',
]

/** Sessions that came, went, were refused or held back, and how long upstream took to answer, every five minutes. */
export function activityQuery(app: string): string {
  return [
    ...parsed(app),
    '| extend event = tostring(entry.event)',
    "| summarize opened = countif(event == 'client.connected'), closed = countif(event == 'connection.closed'), refused = countif(event == 'upgrade.refused'), limited = countif(event == 'limit.reached'), retried = countif(event in ('upstream.retry', 'upstream.failover')), dialMs95 = percentile(iff(event == 'bridge.connected', todouble(entry.ms), real(null)), 95) by bin(TimeGenerated, 5m), RevisionName",
    '| order by TimeGenerated desc',
  ].join('\n')
}

/** Open sessions of each replica, and by how much its slowest process was late (ms), every five minutes. */
export function loadQuery(app: string): string {
  return [
    ...parsed(app),
    '| extend event = tostring(entry.event)',
    "| where event == 'load.reported'",
    '| summarize sessions = avg(todouble(entry.sessions)), loopDelayMs99 = max(todouble(entry.loopDelayP99Ms)) by bin(TimeGenerated, 5m), RevisionName, ContainerGroupName, worker = tostring(entry.worker)',
    '| summarize sessions = sum(sessions), loopDelayMs99 = max(loopDelayMs99) by TimeGenerated, RevisionName, ContainerGroupName',
    '| order by TimeGenerated desc',
  ].join('\n')
}

/** What each replica did from its signal to its end. */
export function drainQuery(app: string): string {
  return [
    ...parsed(app),
    '| extend event = tostring(entry.event)',
    "| where event in ('signal.received', 'drain.started', 'drain.completed')",
    '| project TimeGenerated, RevisionName, ContainerGroupName, event, entry.signal, entry.connections, entry.ended, entry.left, entry.ms',
    '| order by ContainerGroupName asc, TimeGenerated asc',
  ].join('\n')
}

/**
 * Replicas that were told to go and left sockets open, or were killed before they, or one of their workers, had
 * finished. Looks back over the longest grace period twice.
 */
export function drainOverrunQuery(app: string, graceSec: number): string {
  return [
    ...parsed(app),
    '| extend event = tostring(entry.event), left = toint(entry.left)',
    "| where event in ('signal.received', 'drain.started', 'drain.completed')",
    '| summarize signalled = minif(TimeGenerated, event == "signal.received"), started = countif(event == "drain.started"), completed = countif(event == "drain.completed"), left = sum(left) by RevisionName, ContainerGroupName',
    `| where left > 0 or (completed < max_of(started, 1) and signalled < ago(${graceSec}s))`,
  ].join('\n')
}

/** What the platform says that it did to the replicas. */
export function platformQuery(app: string): string {
  return [
    'ContainerAppSystemLogs',
    `| where ContainerAppName == '${app}' and ReplicaName != ''`,
    '| project TimeGenerated, RevisionName, ReplicaName, Reason, Log',
    '| order by TimeGenerated asc',
  ].join('\n')
}
