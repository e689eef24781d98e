/** What an answer used, as its `response.done` tells. */

/** Tokens. */
export interface Usage {
  readonly input: number
  readonly output: number
  readonly total: number
}

const none: Usage = { input: 0, output: 0, total: 0 }

/** Reads the usage of a `response.done`. Never throws. @returns zero for what it does not tell, or not as a number */
export function usageOf(frame: Uint8Array): Usage {
  try {
    const { response } = JSON.parse(Buffer.from(frame).toString()) as {
      response?: { usage?: Partial<Record<string, unknown>> | null }
    }
    const read = (name: string) => {
      const tokens = response?.usage?.[name]
      return typeof tokens === 'number' && Number.isFinite(tokens) && tokens > 0 ? Math.round(tokens) : 0
    }
    return { input: read('input_tokens'), output: read('output_tokens'), total: read('total_tokens') }
  } catch {
    return none
  }
}
