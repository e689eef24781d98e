/** A gateway with a fault in it, so that the rehearsal can be seen to notice. Never part of the product. */

import { AssistantTools } from '../../runtime/gateway/assistant-tools.ts'
import { ResumeStore } from '../../runtime/resume/resume-store.ts'
import { Drain } from '../../runtime/server/drain.ts'
import { Session } from '../../runtime/session/session.ts'

switch (process.env.REHEARSAL_PLANT) {
  case 'accept-while-draining':
    Drain.prototype.refusal = () => null
    break
  case 'lose-tickets':
    ResumeStore.prototype.redeem = () => Promise.resolve({ failure: 'unknown' })
    break
  case 'ignore-sigterm': {
    const on = process.on.bind(process)
    process.on = ((event: string, listener: () => void) =>
      on(event, event === 'SIGTERM' ? () => undefined : listener)) as typeof process.on
    break
  }
  case 'repeat-tools': {
    const { runnerOf } = AssistantTools.prototype
    AssistantTools.prototype.runnerOf = function (assistant) {
      const runner = runnerOf.call(this, assistant)
      if (runner === null) return null
      const tools = runner.tools.map(tool => ({ ...tool, idempotent: true }))
      return { tools, run: call => runner.run(call), close: () => runner.close() }
    }
    break
  }
  case 'lose-delta':
    spoilOnce(() => undefined)
    break
  case 'double-delta':
    spoilOnce(deliver => {
      deliver()
      deliver()
    })
    break
  case 'swap-deltas':
    spoilOnce((deliver, later) => later(deliver))
}

/** Does something else with one delta in the middle of one long answer. @param spoil `later`: delivers after the answer's next delta */
function spoilOnce(spoil: (deliver: () => void, later: (deliver: () => void) => void) => void): void {
  const { deliver } = Session.prototype
  // Others are at the same words at the same time: theirs are not the next ones.
  const late = new Map<Session, () => void>()
  let isSpoilt = false
  Session.prototype.deliver = function (message, isBinary) {
    const pass = () => deliver.call(this, message, isBinary)
    const text = typeof message === 'string' ? message : ''
    if (!isSpoilt && text.includes('"value":" forty-two,"')) {
      isSpoilt = true
      return spoil(pass, held => late.set(this, held))
    }
    pass()
    if (!text.includes('"value":" forty-three,"')) return
    late.get(this)?.()
    late.delete(this)
  }
}

await import('../../runtime/main.ts')
