/** A plain HTTP request to the simulator, and what is answered. */
import type { House } from '../house.ts'
import type { Door } from './door.ts'

/** What a plain request has brought, once its key was found good. */
export interface PlainRequest {
  door: Door
  house: House
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
