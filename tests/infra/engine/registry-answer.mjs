// Loaded before the program: answers what it asks by itself. Nothing leaves this machine.
import { existsSync, readFileSync } from 'node:fs'

globalThis.fetch = async address => {
  const url = String(address)
  if (/^https:\/\/[a-z0-9]+\.azurecr\.io\/oauth2\/exchange$/.test(url))
    return Response.json({ refresh_token: 'registry-token' })
  const [, app] = /^https:\/\/management\.azure\.com(.*)\/revisions\?/.exec(url) ?? []
  if (app !== undefined) return answerRevisions(app)
  if (url.startsWith('https://management.azure.com/')) return Response.json({ value: [] })
  throw new Error(`${url}: no one answers here`)
}

/** As the account in its file has them. */
function answerRevisions(app) {
  const file = process.env.STAND_IN_ACCOUNT ?? ''
  const { revisions } = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { revisions: {} }
  if (revisions[app] === undefined) return new Response(null, { status: 404 })
  const value = revisions[app].map(({ name, active, template }) => ({
    name,
    properties: { active, template: JSON.parse(template) },
  }))
  return Response.json({ value })
}
