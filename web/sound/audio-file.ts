/** A sound file as PCM16 at 24 kHz. */
import { say } from '../language/language.ts'
import { pcmRate, toPcm16 } from './pcm.ts'

/** A larger file is not read (bytes). */
export const maxFileBytes = 50_000_000
/** A longer one is not taken: it goes out at once, and all of it may have to wait for a connection. */
const maxMinutes = 3

/**
 * Decodes a file of any rate and any form that the browser knows; several channels become one.
 * @throws Error in words for the person
 */
export async function readAudioFile(file: Blob): Promise<Int16Array<ArrayBuffer>> {
  if (file.size > maxFileBytes)
    throw new Error(say('The file is larger than {size} MB.', { size: maxFileBytes / 1_000_000 }))
  // Decoding into a context of the wanted rate resamples (Web Audio API 1.1, decodeAudioData).
  const context = new OfflineAudioContext(1, 1, pcmRate)
  const buffer = await context.decodeAudioData(await file.arrayBuffer()).catch((cause: unknown) => {
    throw new Error(say('This is not a sound file that the browser can read. Try a WAV file.'), { cause })
  })
  if (buffer.duration > maxMinutes * 60)
    throw new Error(say('The file is longer than {minutes} minutes.', { minutes: maxMinutes }))
  const mixed = new Float32Array(buffer.length)
  for (let channel = 0; channel < buffer.numberOfChannels; channel++)
    for (const [index, sample] of buffer.getChannelData(channel).entries())
      mixed[index] = (mixed[index] ?? 0) + sample / buffer.numberOfChannels
  return toPcm16(mixed)
}
