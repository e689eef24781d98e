/** Ada and Bob, who ask for keys and make offers at the SDK addresses. */
import { type Answer, type Knock, knockHttp } from '../access/upgrade-attempts.ts'
import type { TestGateway } from '../gateway/start.ts'

export const [ada, bob] = ['the-secret-of-ada', 'the-secret-of-bob']
export const env = {
  GATEWAY_AUTH: 'key',
  GATEWAY_API_KEYS: `ada:${ada},bob:${bob}`,
  ALLOWED_ORIGINS: 'https://allowed.example',
}
export const secrets = '/v1/realtime/client_secrets'
export const json = { 'Content-Type': 'application/json' }
export const sdpType = { 'Content-Type': 'application/sdp' }
export const by = (credential: string) => ({ Authorization: `Bearer ${credential}` })

interface Refused {
  detail: string
  error: { type: string; code: string; message: string }
}
export const refusalIn = ({ body }: Answer) => JSON.parse(body) as Refused

export async function mint({ url }: TestGateway, credential = ada, body = '{}'): Promise<string> {
  const { body: text } = await knockHttp(url, {
    method: 'POST',
    path: secrets,
    headers: { ...by(credential), ...json },
    body,
  })
  return (JSON.parse(text) as { value: string }).value
}

export function offerTo({ url }: TestGateway, knock: Partial<Knock>): Promise<Answer> {
  return knockHttp(url, { method: 'POST', path: '/v1/realtime/calls', ...knock })
}
