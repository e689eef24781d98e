/** Numbers in English words, 0 to 1000. */

const ones =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  )
const tens = 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ')

export const largestNumber = 1000

/** Says a whole number between 0 and 1000: `342` is "three hundred forty-two". */
export function numberInWords(value: number): string {
  if (value >= largestNumber) return 'one thousand'
  if (value >= 100) {
    const rest = value % 100
    const hundreds = `${ones[Math.floor(value / 100)]} hundred`
    return rest === 0 ? hundreds : `${hundreds} ${numberInWords(rest)}`
  }
  if (value < ones.length) return ones[value] ?? ''
  const ten = tens[Math.floor(value / 10) - 2] ?? ''
  return value % 10 === 0 ? ten : `${ten}-${ones[value % 10]}`
}

const numbersByWords: ReadonlyMap<string, number> = new Map(
  Array.from({ length: largestNumber + 1 }, (_, value) => [numberInWords(value), value]),
)

/** Reads a number given in digits or as one of the words above; null when it is neither. */
export function numberOf(text: string): number | null {
  if (/^\d+$/.test(text)) return Math.min(largestNumber, Number(text))
  return numbersByWords.get(text.toLowerCase()) ?? null
}
