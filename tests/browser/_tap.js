// Runs in the page before its own code: hears what reaches the loudspeaker, whatever the page says of itself.
// `loudspeaker.level()` is the root mean square of the last 11 ms, 0 to 1.
{
  const connect = AudioNode.prototype.connect
  const windowSamples = 256
  const quiet = 0.0005
  const settledMs = 500
  const giveUpMs = 10_000
  let tap

  AudioNode.prototype.connect = function (target, ...ports) {
    if (target instanceof AudioDestinationNode) {
      tap = new AnalyserNode(this.context, { fftSize: windowSamples })
      connect.call(this, tap)
    }
    return connect.call(this, target, ...ports)
  }

  const level = () => {
    if (!tap) return 0
    const wave = new Float32Array(windowSamples)
    tap.getFloatTimeDomainData(wave)
    return Math.sqrt(wave.reduce((sum, sample) => sum + sample * sample, 0) / windowSamples)
  }

  // Resolves to the time from `act` to the silence that lasts (ms), or to Infinity.
  const msToSilence = async act => {
    const start = performance.now()
    let silentSince = Number.POSITIVE_INFINITY
    act()
    while (performance.now() - start < giveUpMs) {
      const now = performance.now()
      if (level() > quiet) silentSince = Number.POSITIVE_INFINITY
      else if (silentSince > now) silentSince = now
      if (now - silentSince > settledMs) return silentSince - start
      await new Promise(resolve => setTimeout(resolve, 1))
    }
    return Number.POSITIVE_INFINITY
  }

  globalThis.loudspeaker = { level, msToSilence }
}
