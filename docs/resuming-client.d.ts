export function resumingSocket(
  url: string,
  onMessage: (message: object) => void,
  onState?: (state: 'open' | 'away' | 'resumed' | 'fresh') => void,
): { say(message: object): void; close(): void }
