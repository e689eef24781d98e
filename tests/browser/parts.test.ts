/** What the pages' sound, waits and messages are made of, without a page. */
import test from 'ava'
import { readMessage } from '../../web/chat/messages.ts'
import { retryDelay } from '../../web/page/backoff.ts'
import { decodePcm16, encodePcm16, toPcm16 } from '../../web/sound/pcm.ts'
import { createResampler } from '../../web/sound/resample.ts'
import { createSampleRing } from '../../web/sound/ring.ts'

test('the ring keeps order over its edge and takes no more than it holds', t => {
  const ring = createSampleRing(4)
  const out = new Float32Array(3)
  t.is(ring.write(Int16Array.of(16_384, -16_384, 8192)), 3)
  t.is(ring.read(out.subarray(0, 2)), 2)
  t.is(ring.write(Int16Array.of(1024, 2048, 4096, 1)), 3)
  t.is(ring.length(), 4)
  t.is(ring.read(out), 3)
  t.deepEqual([...out], [0.25, 0.03125, 0.0625])
  ring.clear()
  t.is(ring.read(out), 0)
})

/** A sine of amplitude 0.5, resampled in uneven pieces. */
function resampleTone(hertz: number, from: number, to: number): Float32Array {
  const resample = createResampler(from, to)
  const tone = Float32Array.from({ length: from }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hertz * i) / from))
  const pieces: number[] = []
  for (let start = 0, size = 1; start < from; start += size, size = (size % 997) + 128)
    pieces.push(...resample(tone.subarray(start, start + size)))
  return Float32Array.from(pieces)
}

const loudness = (samples: Float32Array) => {
  const steady = samples.subarray(1000, -1000)
  return Math.sqrt(steady.reduce((sum, sample) => sum + sample * sample, 0) / steady.length)
}

for (const from of [48_000, 44_100, 16_000, 8000])
  test(`speech at ${from} Hz keeps its length and loudness at 24 kHz`, t => {
    const out = resampleTone(1000, from, 24_000)
    t.true(Math.abs(out.length - 24_000) < 60, `${out.length}`)
    t.true(Math.abs(loudness(out) - 0.5 / Math.SQRT2) < 0.01, `${loudness(out)}`)
  })

test('what 24 kHz cannot hold does not come back as another tone', t => {
  t.true(loudness(resampleTone(16_000, 48_000, 24_000)) < 0.002)
})

test('a resampled tone is the same however it is cut', t => {
  const whole = createResampler(48_000, 24_000)
  const tone = Float32Array.from(
    { length: 48_000 },
    (_, i) => 0.5 * Math.sin((2 * Math.PI * 440 * i) / 48_000),
  )
  const cut = createResampler(48_000, 24_000)
  const pieces: number[] = []
  for (let start = 0; start < tone.length; start += 128)
    pieces.push(...cut(tone.subarray(start, start + 128)))
  t.deepEqual(Float32Array.from(pieces), whole(tone))
})

test('PCM16 is cut at its edges and comes back from base64 as it went', t => {
  const samples = toPcm16([0, 0.5, -0.5, 2, -2])
  t.deepEqual([...samples], [0, 16_384, -16_384, 32_767, -32_768])
  t.deepEqual(decodePcm16(encodePcm16(samples)), samples)
  const long = toPcm16(Array.from({ length: 50_000 }, (_, i) => Math.sin(i)))
  t.deepEqual(decodePcm16(encodePcm16(long)), long)
})

test('waits grow to a bound, half of them jitter, and a move that the server asked for does not wait', t => {
  const bounds = (attempt: number) => [0, 1].map(random => retryDelay(attempt, false, () => random))
  t.deepEqual(bounds(0), [250, 500])
  t.deepEqual(bounds(3), [2000, 4000])
  t.deepEqual(bounds(50), [7500, 15_000])
  t.is(
    retryDelay(0, true, () => 1),
    0,
  )
  t.is(
    retryDelay(1, true, () => 1),
    1000,
  )
})

test('only messages that the page knows are taken from the socket', t => {
  const refused = [
    '{',
    '4',
    'null',
    '{"type":"toString"}',
    '{"type":"text-delta"}',
    '{"type":"text-delta","value":1}',
  ]
  for (const frame of refused) t.is(readMessage(frame), undefined, frame)
  t.is(readMessage(new ArrayBuffer(2)), undefined)
  t.deepEqual(readMessage('{"type":"text-delta","value":"a"}'), { type: 'text-delta', value: 'a' })
})
