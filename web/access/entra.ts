/** Signs people in with Entra ID. MSAL is large, so this file is loaded only where the gateway asks for it. */
import { InteractionRequiredAuthError, PublicClientApplication } from '@azure/msal-browser'
import type { EntraSignIn } from '../../runtime/pages/page-info.ts'

/** One person's sign-in. */
export interface SignIn {
  /** @returns undefined where the person must sign in first */
  token(): Promise<string | undefined>
  /** Leaves the page for the sign-in service, which sends the person back to it. */
  leave(): Promise<void>
  /** Why the sign-in that has just come back failed, in the service's own words; '' where none did. */
  readonly fault: string
}

/**
 * Prepares MSAL and takes up a sign-in that has just come back to this page.
 * Tokens stay in the tab (session storage).
 */
export async function prepareSignIn({ clientId, authority, scope }: EntraSignIn): Promise<SignIn> {
  const redirectUri = location.origin + location.pathname
  const application = new PublicClientApplication({
    auth: { clientId, authority, redirectUri },
    cache: { cacheLocation: 'sessionStorage' },
  })
  await application.initialize()
  let fault = ''
  // A person may decline: that leaves him without a token, not without a page.
  const returned = await application.handleRedirectPromise().catch((cause: unknown) => {
    fault = cause instanceof Error ? cause.message : String(cause)
    return null
  })
  const account = returned?.account ?? application.getAllAccounts()[0]
  if (account) application.setActiveAccount(account)
  const scopes = [scope]
  return {
    token: async () => {
      if (!application.getActiveAccount()) return undefined
      try {
        return (await application.acquireTokenSilent({ scopes })).accessToken
      } catch (cause) {
        if (cause instanceof InteractionRequiredAuthError) return undefined
        throw cause
      }
    },
    leave: () => application.loginRedirect({ scopes }),
    fault,
  }
}
