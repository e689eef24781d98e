/** Sends at a steady pace, in small groups: what many sessions that speak at once look like. */

/** So short that no session has two events in a group: HAProxy would make one write of them, and nobody speaks like that. */
const tickMs = 2

/** Calls `send` `count` times, `perSecond` times a second. @returns when the last was sent */
export function pace(count: number, perSecond: number, send: (index: number) => void): Promise<void> {
  const startedAt = performance.now()
  let sent = 0
  return new Promise(resolve => {
    const timer = setInterval(() => {
      const due = Math.min(count, Math.floor(((performance.now() - startedAt) / 1000) * perSecond))
      for (; sent < due; sent += 1) send(sent)
      if (sent < count) return
      clearInterval(timer)
      resolve()
    }, tickMs)
  })
}
