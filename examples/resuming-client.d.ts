export interface Options {
  protocols?: string[]
  openMs?: number
  heartbeatMs?: number
  silenceMs?: number
  answerMs?: number
}

export function resumingSocket(
  url: string,
  onMessage: (message: object) => void,
  onState?: (state: 'open' | 'away' | 'resumed' | 'fresh', lost?: number) => void,
  options?: Options,
): { say(...messages: object[]): void; close(): void }
