export function resumingSocket(
  url: string,
  onMessage: (message: object) => void,
  onState?: (state: 'open' | 'away' | 'resumed' | 'fresh', lost?: number) => void,
): { say(...messages: object[]): void; close(): void }
