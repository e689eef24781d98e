import test from 'ava'
import type { GatewayError } from '../../runtime/core/errors.ts'
import { budgetOf, defaultBudgetPart, MemoryBudget } from '../../runtime/server/memory-budget.ts'

const mebibyte = 1024 * 1024

/**
 * A budget of 1,000 MiB over holders whose memory comes back when they are ended, if it is said to.
 * @param held by sessions (MiB)
 * @param grown what processes of tools took beyond 50 MiB at their start (MiB)
 */
function stage(held: Record<string, number>, grown: Record<string, number> = {}) {
  const ended: string[] = []
  const logged: string[] = []
  const machine = { residentMib: 0, heapMib: 0, now: 0 }
  const processes = Object.entries(grown).map(([id, mib]) => ({
    residentBytes: (50 + mib) * mebibyte,
    grownBytes: mib * mebibyte,
    cut: () => ended.push(id),
  }))
  const note = (event: string) => logged.push(event)
  const budget = new MemoryBudget({
    budgetBytes: 1000 * mebibyte,
    residentBytes: () => machine.residentMib * mebibyte,
    heapBytes: () => machine.heapMib * mebibyte,
    toolProcesses: () => processes,
    monotonicNow: () => machine.now,
    log: { info: note, warn: note, error: note },
  })
  budget.stop()
  for (const [id, mib] of Object.entries(held)) {
    const holder = {
      id,
      held: () => mib * mebibyte,
      cut: (error: GatewayError) => {
        ended.push(`${id} ${error.code}`)
        budget.remove(holder)
      },
    }
    budget.add(holder)
  }
  const at = (residentMib: number, now = 0, heapMib = residentMib) => {
    Object.assign(machine, { residentMib, heapMib, now })
    budget.sample()
    return ended.splice(0)
  }
  return { budget, at, logged }
}

test('near the budget new sessions are refused with a time to wait, until memory has come back', t => {
  const { budget, at, logged } = stage({ greedy: 500 })
  at(840)
  t.is(budget.refusal(), null)
  t.is(budget.unavailable(), null)
  t.deepEqual(at(850), [])
  t.like(budget.refusal(), { code: 'memory_exhausted', status: 503, retryAfterMs: 5000 })
  t.is(budget.unavailable(), 'Memory is nearly exhausted: 850 of 1000 MiB (MEMORY_BUDGET_MB) are in use')
  at(810)
  t.not(budget.refusal(), null, 'just below, it would be refused again at once')
  at(790)
  t.is(budget.refusal(), null)
  t.deepEqual(logged, ['memory.near', 'memory.calm'])
})

test('memory that an allocator keeps, though nobody uses it, refuses nobody up to the budget', t => {
  const { budget, at } = stage({ one: 1 })
  at(950, 0, 100)
  t.is(budget.refusal(), null)
  at(1001, 0, 100)
  t.not(budget.refusal(), null)
  at(990, 0, 100)
  t.is(budget.refusal(), null)
})

test('memory that does not come back ends nobody else, and is allowed for once it is level', t => {
  const { budget, at } = stage({ most: 300, innocent: 80 })
  t.deepEqual(at(1200, 0, 500), ['most memory_exhausted'])
  // Of the 300 nothing comes back: 64 of 1,000 MiB can be kept by the allocator alone.
  t.deepEqual(at(1200, 1900, 100), [], 'what the innocent holds would not help')
  t.not(budget.refusal(), null)
  t.deepEqual(at(1205, 2000, 100), [])
  t.is(budget.refusal(), null, 'level for two seconds')
  t.deepEqual(at(1260, 2100, 100), ['innocent memory_exhausted'], 'it grows: someone uses it')
  t.not(budget.refusal(), null)
})

test('of memory that nobody accounts for, no more than a quarter of the budget is allowed for', t => {
  const { budget, at } = stage({})
  at(1260, 0, 100)
  at(1260, 60_000, 100)
  t.not(budget.refusal(), null)
  at(1250, 60_100, 100)
  t.is(budget.refusal(), null)
})

test('memory that was allowed for counts again when it is used again', t => {
  const { budget, at } = stage({ most: 300, reader: 100 })
  at(1200, 0, 100)
  at(1200, 2000, 100)
  t.is(budget.refusal(), null)
  t.deepEqual(at(1200, 2100, 1050), ['reader memory_exhausted'], 'the allocator gave it out again')
  t.not(budget.refusal(), null)
  at(1200, 2200, 640)
  t.is(budget.refusal(), null)
  at(800, 2300, 640)
  at(1010, 2400, 640)
  t.not(budget.refusal(), null, 'what had come back is in use again')
})

test('above the budget those that hold the most end first, as many as it takes and no more', t => {
  const { at } = stage({ little: 1, most: 80, less: 40, some: 20, none: 0 })
  t.deepEqual(at(1001), ['most memory_exhausted', 'less memory_exhausted'])
})

test('what ended sessions held counts as free until it can have come back', t => {
  const { at } = stage({ first: 150, second: 100, third: 90 })
  t.deepEqual(at(1050, 0), ['first memory_exhausted'])
  t.deepEqual(at(1050, 100), [], 'its memory is on its way')
  t.deepEqual(at(1050, 1100), ['second memory_exhausted', 'third memory_exhausted'])
})

test('a session that holds next to nothing is never ended, whatever is in use', t => {
  const { at } = stage({ quiet: 0, brief: 0.05 })
  t.deepEqual(at(5000), [])
})

test('processes of tools count: near the budget with them new sessions are refused', t => {
  const { budget, at } = stage({}, { cafe: 250, library: 150 })
  // With 500 MiB of theirs; what they take is in use, whatever the heap of this process has free.
  at(349, 0, 100)
  t.is(budget.refusal(), null)
  at(350, 0, 250)
  t.is(budget.unavailable(), 'Memory is nearly exhausted: 850 of 1000 MiB (MEMORY_BUDGET_MB) are in use')
  at(290, 0, 250)
  t.is(budget.refusal(), null)
})

test('above the budget whoever took the most ends first: a session, or a process of tools that grew', t => {
  const { at } = stage({ most: 300, less: 40 }, { cafe: 200, library: 31 })
  // 331 MiB of theirs; 90 % are aimed at.
  t.deepEqual(at(680), ['most memory_exhausted'])
  t.deepEqual(at(980, 2000), ['cafe', 'less memory_exhausted'])
  t.deepEqual(at(5000, 4000), ['cafe'], 'one that hardly grew is as large again a moment later')
})

test('the default is a part of the memory there is, shared by all processes, with room to begin in', t => {
  const machine = 4096 * mebibyte
  t.is(budgetOf(null, 1, 0, 0, machine), machine * defaultBudgetPart)
  t.is(budgetOf(null, 4, 0, 0, machine), (machine * defaultBudgetPart) / 4)
  t.is(budgetOf(800 * mebibyte, 2, 0, 0, machine), 400 * mebibyte)
  t.is(budgetOf(0, 2, 100, 0, machine), 0)
  const least = budgetOf(1, 1, 120 * mebibyte, 0, machine)
  t.true(least * 0.85 >= 184 * mebibyte, 'a budget that is used up at the start would refuse everyone')
  t.is(budgetOf(1, 1, 120 * mebibyte, 2, machine), Math.ceil((312 * mebibyte) / 0.85), 'so would its tools')
})
