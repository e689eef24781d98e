/** What samples of memory say of a leak. */

export interface Sample {
  /** Since the start of the run. */
  readonly seconds: number
  readonly bytes: number
}

/** The rise of the line of least squares through the samples, from the first to the last (bytes). */
export function riseOf(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length
  const middle = mean(({ seconds }) => seconds)
  const level = mean(({ bytes }) => bytes)
  const spread = samples.reduce((sum, { seconds }) => sum + (seconds - middle) ** 2, 0)
  if (spread === 0) return 0
  const slope =
    samples.reduce((sum, { seconds, bytes }) => sum + (seconds - middle) * (bytes - level), 0) / spread
  return slope * ((samples.at(-1)?.seconds ?? 0) - (samples[0]?.seconds ?? 0))
}
