// Runs in the page: a plain WebRTC caller that keeps the events and measures what it hears.
globalThis.call = async (url, key, { audio = true } = {}) => {
  const peer = new RTCPeerConnection()
  const channel = peer.createDataChannel('oai-events')
  const events = []
  const waiting = new Set()
  const notice = () => {
    for (const check of waiting) check()
  }
  channel.onmessage = message => {
    events.push(JSON.parse(message.data))
    notice()
  }
  channel.onopen = notice
  let closed = false
  channel.onclose = () => {
    closed = true
    notice()
  }
  let loudest = 0
  if (audio) {
    const microphone = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    })
    peer.addTrack(microphone.getAudioTracks()[0], microphone)
    peer.ontrack = ({ streams }) => {
      const player = document.createElement('audio')
      player.autoplay = true
      player.srcObject = streams[0]
      document.body.append(player)
      const context = new AudioContext()
      const meter = context.createAnalyser()
      context.createMediaStreamSource(streams[0]).connect(meter)
      const levels = new Float32Array(meter.fftSize)
      setInterval(() => {
        meter.getFloatTimeDomainData(levels)
        loudest = Math.max(
          loudest,
          Math.sqrt(levels.reduce((sum, level) => sum + level * level, 0) / levels.length),
        )
        notice()
      }, 20)
    }
  }
  await peer.setLocalDescription(await peer.createOffer())
  const reply = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/sdp' },
    body: peer.localDescription.sdp,
  })
  if (!reply.ok) throw new Error(`${reply.status} ${await reply.text()}`)
  const location = reply.headers.get('location')
  await peer.setRemoteDescription({ type: 'answer', sdp: await reply.text() })
  const until = (what, test) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(check)
        reject(new Error(`never: ${what}; events: ${events.map(event => event.type).join(' ')}`))
      }, 25000)
      const check = () => {
        const found = test()
        if (!found) return
        clearTimeout(timer)
        waiting.delete(check)
        resolve(found)
      }
      waiting.add(check)
      check()
    })
  return {
    events,
    peer,
    callId: location.split('/').at(-1),
    location,
    send: event => channel.send(JSON.stringify(event)),
    event: (type, from = 0) => until(type, () => events.slice(from).find(event => event.type === type)),
    heard: () => until('sound', () => loudest > 0.01 && loudest),
    forget: () => {
      loudest = 0
    },
    opened: () => until('open', () => channel.readyState === 'open'),
    closed: () => until('close', () => closed),
    stats: async () => {
      for (const stat of (await peer.getStats()).values()) {
        if (stat.type === 'inbound-rtp') return { ...stat }
      }
    },
  }
}

// The form that OpenAI takes: offer and session in one request. Gives the first event.
globalThis.callByForm = async (url, key, session) => {
  const peer = new RTCPeerConnection()
  const channel = peer.createDataChannel('realtime-channel')
  const first = new Promise(resolve => {
    channel.onmessage = message => resolve(message.data)
  })
  await peer.setLocalDescription(await peer.createOffer())
  const form = new FormData()
  form.set('sdp', peer.localDescription.sdp)
  form.set('session', JSON.stringify(session))
  const reply = await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${key}` }, body: form })
  await peer.setRemoteDescription({ type: 'answer', sdp: await reply.text() })
  const created = JSON.parse(await first)
  peer.close()
  return { status: reply.status, location: reply.headers.get('location'), created }
}
