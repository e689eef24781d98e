/** Whose calls a caller of the gateway may see and control. */
import type { HttpRequest } from '../server/http.ts'

/** Owns the calls that came by telephone. No credential has this name: theirs begin with what they are, or are `anonymous`. */
export const telephoneOwner = 'telephone'

/** Whose session it is: the credential's, where one is asked for. */
export function ownerOf({ principal }: Pick<HttpRequest, 'principal'>): string {
  return principal?.name ?? 'anonymous'
}

export class Ownership {
  readonly #controllers: ReadonlySet<string>

  /** @param controllers names of principals that may control calls which the gateway did not make */
  constructor(controllers: ReadonlySet<string>) {
    this.#controllers = controllers
  }

  /** Owners whose sessions a caller may see and control: itself, and the telephone where it is a controller. */
  ownersOf(request: Pick<HttpRequest, 'principal'>): string[] {
    return this.mayControl(request) ? [ownerOf(request), telephoneOwner] : [ownerOf(request)]
  }

  /** Whether a caller may control calls that the gateway did not make. An ephemeral key is a browser's, and may not. */
  mayControl(request: Pick<HttpRequest, 'principal'>): boolean {
    return request.principal?.by !== 'ephemeral' && this.#controllers.has(ownerOf(request))
  }
}
