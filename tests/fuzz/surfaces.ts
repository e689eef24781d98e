/** All that is fuzzed, by name. */
import { clientFrames } from './client-frames.ts'
import { dialect } from './dialect.ts'
import { requests } from './requests.ts'
import { settings } from './settings.ts'
import { sideband } from './sideband.ts'
import { stored } from './stored.ts'
import type { Surface } from './surface.ts'
import { upstream } from './upstream.ts'

export const surfaces: readonly Surface<never>[] = [
  clientFrames,
  requests,
  upstream,
  sideband,
  stored,
  settings,
  dialect,
] as never
