/**
 * How many sessions a replica serves, by its size: from figures of `npm run bench -- --only '^capacity'`
 * (docs/benchmarks.md), which checks the prediction of CPU against a process that serves them.
 */

/** Replicas are added when they use so much of their CPU on average (%). */
export const scaleAtCpuPercent = 60

/** The same of their memory (%). */
export const scaleAtMemoryPercent = 75

/** One client can stop a process in a way that only the supervisor of several can end (SECURITY.md, Abuse). */
export const minWorkers = 2

/** CPU of an event of 6.4 kB, among thousands of sessions (µs). */
const eventMicros = 17

/** CPU of a session that says nothing, for its pings (µs a second). */
const sessionMicros = 7

/** CPU of one process that events wake hundreds of times a second, however few they are (µs a second). */
const busyProcessMicros = 25_000

/** CPU of a connection that comes, with the dial of its upstream (µs). */
const connectMicros = 780

/** Events of a session in which somebody speaks or listens, a second. */
export const speakingEventsPerSecond = 13

/** Memory of a session: the process's own, and the kernel's for its two sockets (bytes). */
const sessionBytes = 13_000 + 8_000

/**
 * Memory of a replica without sessions: its supervisor and the code that all processes share; then a process that serves,
 * and that of its tools (bytes).
 */
const sharedBytes = 100_000_000
const processBytes = 90_000_000

const microsPerSecond = 1e6
const bytesPerGib = 1024 ** 3

/** The size of a replica. */
export interface ReplicaSize {
  /** vCPU. */
  readonly cpu: number
  /** GiB. */
  readonly memoryGib: number
}

/** What a replica serves before it should be helped. */
export interface Capacity {
  /** Open sessions, all of which speak or listen. */
  readonly sessions: number
  /** What is used up first. */
  readonly limit: 'CPU' | 'memory'
  /** Connections that its whole CPU takes a second: how fast sessions come back from a replica that went away. */
  readonly connectsPerSecond: number
}

/** How many processes serve in a replica. A process uses one core at most. @param cpu vCPU */
export function workersOf(cpu: number): number {
  return Math.max(minWorkers, Math.ceil(cpu))
}

/**
 * Predicts the CPU of sessions.
 * @param eventsPerSecond of each session
 * @param processes that share them
 * @returns µs a second; 1,000,000 is one core
 */
export function predictCpu(sessions: number, eventsPerSecond: number, processes: number): number {
  return processes * busyProcessMicros + sessions * (eventsPerSecond * eventMicros + sessionMicros)
}

/** Predicts what a replica serves until it uses as much CPU or memory as replicas are added at. */
export function predictCapacity({ cpu, memoryGib }: ReplicaSize): Capacity {
  const processes = workersOf(cpu)
  const micros = cpu * microsPerSecond * (scaleAtCpuPercent / 100) - predictCpu(0, 0, processes)
  const byCpu = micros / predictCpu(1, speakingEventsPerSecond, 0)
  const bytes =
    memoryGib * bytesPerGib * (scaleAtMemoryPercent / 100) - sharedBytes - processes * processBytes
  const byMemory = bytes / sessionBytes
  return {
    sessions: Math.max(0, Math.floor(Math.min(byCpu, byMemory))),
    limit: byCpu <= byMemory ? 'CPU' : 'memory',
    connectsPerSecond: Math.floor((cpu * microsPerSecond) / connectMicros),
  }
}

/** Reads the size of a replica from the settings of a stack. */
export function sizeOf({
  containerCpu,
  containerMemoryGib,
}: {
  readonly containerCpu: number
  readonly containerMemoryGib: number
}): ReplicaSize {
  return { cpu: containerCpu, memoryGib: containerMemoryGib }
}

/** Open sessions of a full replica: as many as are asked for, and no more than its size serves. */
export function sessionsOfFullReplica(asked: number, size: ReplicaSize): number {
  return Math.min(asked, predictCapacity(size).sessions)
}
