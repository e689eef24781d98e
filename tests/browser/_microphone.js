// Runs in the page before its own code: a microphone into which the test speaks. `microphone.speak(true)` is a tone,
// `microphone.speak(false)` silence. The page asks for it as for any other.
{
  const loudness = 0.3
  let volume
  let isSpeaking = false

  // Made when it is asked for: browsers warn of sound before the first gesture.
  const createVoice = () => {
    const context = new AudioContext()
    const tone = new OscillatorNode(context, { frequency: 220 })
    tone.start()
    return tone.connect(new GainNode(context))
  }

  const speak = on => {
    isSpeaking = on
    if (volume) volume.gain.value = on ? loudness : 0
  }

  navigator.mediaDevices.getUserMedia = async () => {
    volume ??= createVoice()
    speak(isSpeaking)
    await volume.context.resume()
    const line = new MediaStreamAudioDestinationNode(volume.context)
    volume.connect(line)
    return line.stream
  }

  globalThis.microphone = { speak }
}
