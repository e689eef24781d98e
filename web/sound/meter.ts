/** Shows how loud a sound is on a `<meter>`. */
import { levelOf } from './waveform.ts'

const refreshMs = 60
/** Speech rarely passes this root mean square: the meter's full scale. */
const loudLevel = 0.35

/** Keeps a meter up to date. @returns stops it and sets it to nothing */
export function showLevel(meter: HTMLMeterElement, analyser: AnalyserNode): () => void {
  const timer = setInterval(() => {
    meter.value = Math.min(1, levelOf(analyser) / loudLevel)
  }, refreshMs)
  return () => {
    clearInterval(timer)
    meter.value = 0
  }
}
