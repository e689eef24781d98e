/**
 * Loaded before a gateway (`node --expose-gc --import`), also in each of its workers: at SIGUSR2 it collects all garbage.
 * V8 does that by itself, but half a minute after the last of many sessions has come.
 */
process.on('SIGUSR2', () => void globalThis.gc?.())
