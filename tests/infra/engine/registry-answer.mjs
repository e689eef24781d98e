// Loaded before the program: answers what it asks by itself. Nothing leaves this machine.
globalThis.fetch = async address => {
  const url = String(address)
  if (/^https:\/\/[a-z0-9]+\.azurecr\.io\/oauth2\/exchange$/.test(url))
    return Response.json({ refresh_token: 'registry-token' })
  if (url.startsWith('https://management.azure.com/')) return Response.json({ value: [] })
  throw new Error(`${url}: no one answers here`)
}
