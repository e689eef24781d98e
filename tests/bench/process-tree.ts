/** What a process and its children use, as the kernel accounts for it. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** CPU time of a tree of processes (µs): user and system, of every thread. */
export function cpuMicros(pid: number): number {
  return treeOf(pid).reduce((sum, member) => sum + cpuOf(member), 0)
}

/** CPU time that a tree of processes takes while something runs, of each of `count` (µs). */
export async function cpuMicrosOfEach(
  pid: number | null,
  count: number,
  run: () => Promise<void>,
): Promise<number> {
  if (pid === null) throw new TypeError('there is no process to measure')
  const before = cpuMicros(pid)
  await run()
  return (cpuMicros(pid) - before) / count
}

/** Resident memory of a tree of processes (bytes). */
export function memoryBytes(pid: number): number {
  return treeOf(pid).reduce((sum, member) => {
    const kilobytes = /^VmRSS:\s+(\d+)/m.exec(read(`/proc/${member}/status`))?.[1] ?? '0'
    return sum + Number(kilobytes) * 1024
  }, 0)
}

/** Sends a signal to every process of a tree. */
export function signalTree(pid: number, signal: NodeJS.Signals): void {
  for (const member of treeOf(pid)) process.kill(member, signal)
}

/** Room for 10,000 sessions in one process, and for three times as many clients. */
const wantedFiles = 65_536

/** Raises the limit of open files of this process and of those that it starts, where it may: root may, in most places. */
export function raiseFileLimit(): void {
  if (maxOpenFiles() >= wantedFiles) return
  spawnSync('prlimit', [`--pid=${process.pid}`, `--nofile=${wantedFiles}:${wantedFiles}`])
}

/** Files that one process may have open, as this one's limits say: its children inherit them. */
export function maxOpenFiles(): number {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(read('/proc/self/limits'))?.[1] ?? 'unlimited'
  return hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard)
}

function treeOf(pid: number): number[] {
  const parents = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => [Number(name), Number(fieldsOf(read(`/proc/${name}/stat`))[1])] as const)
  const tree = [pid]
  for (const member of tree)
    tree.push(...parents.filter(([, parent]) => parent === member).map(([child]) => child))
  return tree
}

/** The account behind utime and stime, in nanoseconds where those have hundredths of a second. */
function cpuOf(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    return threads.reduce(
      (sum, thread) =>
        sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1000,
      0,
    )
  } catch {
    const fields = fieldsOf(read(`/proc/${pid}/stat`))
    return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * microsPerTick
  }
}

/** USER_HZ is 100 on every Linux that Node runs on. */
const microsPerTick = 10_000

/** From the third field on: the second, the name, may hold anything but the last bracket. */
function fieldsOf(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

const ownFiles = 200

/** Sessions that one relay can hold here: each has two sockets, and the relay has files of its own. */
export function mostSessions(): number {
  return Math.floor((maxOpenFiles() - ownFiles) / 2)
}
