/** A WebRTC call that a sideband can join. */
import { openPeer } from '../../calls/caller.ts'
import type { Stage } from '../../gateway/start.ts'

/** Calls with an ephemeral key. @param api address below which `/realtime/calls` is @returns the call's id */
export async function callAt(stage: Stage, api: string): Promise<string> {
  const peer = await openPeer(stage)
  const minted = await fetch(`${api}/realtime/client_secrets`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-test', 'api-key': 'test', 'content-type': 'application/json' },
    body: JSON.stringify({ session: { type: 'realtime', model: 'gpt-realtime' } }),
  })
  const { value } = (await minted.json()) as { value: string }
  const answer = await fetch(`${api}/realtime/calls`, {
    method: 'POST',
    headers: { authorization: `Bearer ${value}`, 'content-type': 'application/sdp' },
    body: peer.sdp,
  })
  await peer.connect(await answer.text())
  return answer.headers.get('location')?.split('/').at(-1) ?? ''
}
