// Runs in the gateway's own page: a call with microphone and data channel, kept in `call`.
globalThis.startCall = async session_id => {
  const peer = new RTCPeerConnection()
  const events = []
  const channel = peer.createDataChannel('oai-events')
  channel.onmessage = ({ data }) => events.push(JSON.parse(data))
  const opened = new Promise(resolve => {
    channel.onopen = resolve
  })
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true })
  const [microphone] = stream.getAudioTracks()
  // Silent until the test speaks.
  microphone.enabled = false
  peer.addTrack(microphone, stream)
  peer.ontrack = ({ streams }) => {
    const loudspeaker = new Audio()
    loudspeaker.srcObject = streams[0]
    loudspeaker.play()
  }
  await peer.setLocalDescription(await peer.createOffer())
  const answer = await fetch('/sideband/offer', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ sdp: peer.localDescription.sdp, session_id }),
  })
  const { sdp, call_id } = await answer.json()
  await peer.setRemoteDescription({ type: 'answer', sdp })
  await opened
  globalThis.call = { peer, events, microphone }
  return call_id
}

const soundEnergy = async () => {
  const reports = [...(await call.peer.getStats()).values()]
  return reports.find(({ type }) => type === 'inbound-rtp')?.totalAudioEnergy ?? 0
}

const until = async done => {
  while (!(await done())) await new Promise(resolve => setTimeout(resolve, 20))
}

globalThis.heard = () => until(async () => (await soundEnergy()) > 0)

globalThis.answeredWith = words =>
  until(() => call.events.some(({ transcript }) => transcript?.includes(words)))

globalThis.ended = () => until(() => ['disconnected', 'failed', 'closed'].includes(call.peer.connectionState))
