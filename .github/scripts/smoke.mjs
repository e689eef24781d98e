// Tries a revision that has no traffic yet, from inside the network. Runs in the gateway's own image by
// "node --eval", with nothing but Node: the address, the revision that should answer, and maybe a credential.
const { SMOKE_URL, SMOKE_REVISION, SMOKE_CREDENTIAL, SMOKE_DEADLINE_MS = '60000' } = process.env
const retryMs = 2000

const fail = reason => {
  console.error(JSON.stringify({ event: 'smoke.failed', reason }))
  process.exit(1)
}
let waitsFor = '/readyz'
setTimeout(() => fail(`not within ${SMOKE_DEADLINE_MS} ms: ${waitsFor}`), Number(SMOKE_DEADLINE_MS))

const get = async path => {
  const answer = await fetch(new URL(path, SMOKE_URL)).catch(fault => ({ ok: false, status: fault.message }))
  return { ok: answer.ok, status: answer.status, body: await answer.json?.().catch(() => null) }
}

let ready = await get('/readyz')
while (!ready.ok) {
  waitsFor = `/readyz, which answered ${ready.status} ${ready.body?.reason ?? ''}`
  await new Promise(resolve => setTimeout(resolve, retryMs))
  ready = await get('/readyz')
}
waitsFor = '/healthz'
const health = await get('/healthz')
if (!health.ok) fail(`/healthz answered ${health.status}`)
if (health.body?.revision !== SMOKE_REVISION)
  fail(`${health.body?.revision} answered in place of ${SMOKE_REVISION}`)

waitsFor = 'an answer of /chat'
// Node's own WebSocket sends no headers: the credential goes as a subprotocol, as from a browser.
const address = new URL('/chat', SMOKE_URL.replace(/^http/, 'ws'))
const protocols = SMOKE_CREDENTIAL ? ['realtime', `openai-insecure-api-key.${SMOKE_CREDENTIAL}`] : []
const socket = new WebSocket(address, protocols)
socket.onerror = () => fail('the socket was refused')
socket.onclose = ({ code, reason }) => fail(`the socket was closed with ${code} ${reason}`)
socket.onopen = () => socket.send(JSON.stringify({ text: 'Say hello.' }))
socket.onmessage = ({ data }) => {
  const message = JSON.parse(data)
  if (message.type === 'error') fail(`${message.code}: ${message.message}`)
  if (message.type !== 'text-delta' && message.type !== 'transcript-delta') return
  console.log(JSON.stringify({ event: 'smoke.passed', revision: SMOKE_REVISION }))
  process.exit(0)
}
