/** A plain HTTP request to the simulator, and what is answered. */
import type { SimulatorState } from '../state.ts'
import type { Address } from './address.ts'

/** What a plain request has brought, once its key was found good. */
export interface PlainRequest {
  address: Address
  simulator: SimulatorState
  query: URLSearchParams
  contentType: string
  body: Buffer
  key: string
  ephemeral: boolean
}

/** What is answered when nothing is refused. */
export interface Answer {
  status: number
  headers: Record<string, string>
  body: string
}
