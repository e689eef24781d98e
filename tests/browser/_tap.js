// Runs in the page before its own code: hears what reaches the loudspeaker, whatever the page says of itself.
// `loudspeaker.level()` is the root mean square of the last 11 ms, 0 to 1.
{
  const connect = AudioNode.prototype.connect
  const windowSamples = 256
  // The most that the API gives: 1.4 s at the page's 24 kHz.
  const tailSamples = 32_768
  const quiet = 0.0005
  const settledSec = 0.5
  const giveUpMs = 10_000
  let tap
  let tail

  AudioNode.prototype.connect = function (target, ...ports) {
    if (target instanceof AudioDestinationNode) {
      tap = new AnalyserNode(this.context, { fftSize: windowSamples })
      tail = new AnalyserNode(this.context, { fftSize: tailSamples })
      for (const listener of [tap, tail]) connect.call(this, listener)
    }
    return connect.call(this, target, ...ports)
  }

  const level = () => {
    if (!tap) return 0
    const wave = new Float32Array(windowSamples)
    tap.getFloatTimeDomainData(wave)
    return Math.sqrt(wave.reduce((sum, sample) => sum + sample * sample, 0) / windowSamples)
  }

  // How long it is silent already (s), by the sound itself.
  const silentSec = () => {
    const wave = new Float32Array(tailSamples)
    tail.getFloatTimeDomainData(wave)
    const lastLoud = wave.findLastIndex(sample => Math.abs(sample) > quiet)
    return (tailSamples - 1 - lastLoud) / tail.context.sampleRate
  }

  // Resolves to the sound from `act` to the silence that lasts (ms), or to Infinity. It is counted on the clock of
  // the sound: a page that is held up looks late, and hears no more for that.
  const msToSilence = async act => {
    const giveUpAt = performance.now() + giveUpMs
    const start = tail.context.currentTime
    act()
    while (performance.now() < giveUpAt) {
      const silent = silentSec()
      if (silent > settledSec) return Math.max(0, tail.context.currentTime - silent - start) * 1000
      await new Promise(resolve => setTimeout(resolve, 1))
    }
    return Number.POSITIVE_INFINITY
  }

  globalThis.loudspeaker = { level, msToSilence }
}
