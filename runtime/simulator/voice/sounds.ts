/** From letters to sounds: a table of speech sounds by their formants, and a rough spelling rule. */

/** One speech sound. Frequencies in Hz, `ms` at normal speed, `voiced` and `noise` 0..1. */
export interface SpeechSound {
  f1: number
  f2: number
  f3: number
  voiced: number
  noise: number
  ms: number
}

const vowel = (f1: number, f2: number, f3: number, ms = 95): SpeechSound => ({
  f1,
  f2,
  f3,
  voiced: 1,
  noise: 0,
  ms,
})
const nasal = (f1: number, f2: number): SpeechSound => ({ f1, f2, f3: 2500, voiced: 0.6, noise: 0, ms: 65 })
const hiss = (f2: number, f3: number, voiced = 0): SpeechSound => ({
  f1: 300,
  f2,
  f3,
  voiced,
  noise: 0.7,
  ms: 75,
})
const stop = (f2: number, voiced = 0): SpeechSound => ({ f1: 250, f2, f3: 3000, voiced, noise: 0.45, ms: 50 })

const silence: SpeechSound = { f1: 500, f2: 1500, f3: 2500, voiced: 0, noise: 0, ms: 30 }

/** Longest spelling first: `th` is looked for before `t`. Formants after common tables of English vowels. */
const sounds: Record<string, SpeechSound> = {
  th: hiss(1400, 6000),
  sh: hiss(2200, 3200),
  ch: hiss(2400, 3400),
  ph: hiss(1200, 5500),
  ng: nasal(300, 2000),
  ee: vowel(280, 2250, 3000, 120),
  oo: vowel(310, 870, 2250, 120),
  ou: vowel(600, 950, 2400, 130),
  ai: vowel(550, 1900, 2600, 130),
  ay: vowel(500, 2000, 2700, 130),
  a: vowel(730, 1100, 2450),
  e: vowel(530, 1850, 2500),
  i: vowel(390, 2000, 2550),
  o: vowel(570, 850, 2400),
  u: vowel(440, 1020, 2250),
  y: vowel(300, 2200, 2900, 70),
  b: stop(800, 0.5),
  c: stop(1800),
  d: stop(1700, 0.5),
  f: hiss(1200, 5500),
  g: stop(2000, 0.5),
  h: hiss(1500, 2500),
  j: hiss(2300, 3200, 0.5),
  k: stop(1900),
  l: { ...vowel(360, 1300, 2700, 65), voiced: 0.7 },
  m: nasal(280, 1000),
  n: nasal(280, 1700),
  p: stop(900),
  q: stop(1500),
  r: { ...vowel(330, 1060, 1380, 65), voiced: 0.7 },
  s: hiss(4500, 7000),
  t: stop(2600),
  v: hiss(1100, 5000, 0.6),
  w: { ...vowel(290, 610, 2150, 60), voiced: 0.7 },
  x: hiss(4000, 6500),
  z: hiss(4300, 6800, 0.6),
}

const digitNames = ['zirow', 'wun', 'too', 'three', 'for', 'faiv', 'siks', 'seven', 'ait', 'nain']
const phrasePauseMs = 140
const sentencePauseMs = 220

/**
 * Spells a word as sounds, its trailing pause included.
 * Letters of other scripts become a syllable each, chosen by their code, so that any text can be heard.
 */
export function soundsOf(word: string): SpeechSound[] {
  const spelled = word
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/\d/g, digit => digitNames[Number(digit)] ?? '')
    .replace(/[^\p{L}]/gu, '')
  const found: SpeechSound[] = []
  let rest = spelled
  while (rest.length > 0) {
    const two = sounds[rest.slice(0, 2)]
    const one = sounds[rest.slice(0, 1)]
    if (two !== undefined) found.push(two)
    else if (one !== undefined) found.push(one)
    else found.push(...syllableOf(rest.codePointAt(0) ?? 0))
    rest = rest.slice(two === undefined ? String.fromCodePoint(rest.codePointAt(0) ?? 0).length : 2)
  }
  found.push({ ...silence, ms: pauseAfter(word) })
  return found
}

function pauseAfter(word: string): number {
  if (/[.!?。！？]["')\]]*\s*$/u.test(word)) return sentencePauseMs
  if (/[,;:、，…]["')\]]*\s*$/u.test(word)) return phrasePauseMs
  return silence.ms
}

function syllableOf(code: number): SpeechSound[] {
  const consonants = ['k', 's', 't', 'n', 'h', 'm', 'r', 'w']
  const vowels = ['a', 'i', 'u', 'e', 'o']
  return [consonants[code % consonants.length], vowels[code % vowels.length]]
    .map(letter => sounds[letter ?? 'a'])
    .filter(sound => sound !== undefined)
}
