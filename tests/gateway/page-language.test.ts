/** Which language a page is served in. */
import test from 'ava'
import { gatewayProcess } from './process.ts'

test('a page comes in the language that was chosen, else in the one that the browser prefers', async t => {
  const { url } = await gatewayProcess(t, {})
  const cases: [headers: Record<string, string>, language: 'en' | 'ja'][] = [
    [{}, 'en'],
    [{ 'Accept-Language': 'ja-JP,ja;q=0.9,en;q=0.8' }, 'ja'],
    [{ 'Accept-Language': 'en-US,en;q=0.9,ja;q=0.8' }, 'en'],
    [{ 'Accept-Language': 'fr;q=0.9, ja;q=0.5' }, 'ja'],
    [{ 'Accept-Language': 'jam, JA;q=0' }, 'en'],
    [{ 'Accept-Language': 'ja;q=high' }, 'en'],
    [{ 'Accept-Language': 'ja', Cookie: 'language=en' }, 'en'],
    [{ 'Accept-Language': 'en', Cookie: 'a=b; language=ja' }, 'ja'],
    [{ 'Accept-Language': 'en', Cookie: 'xlanguage=ja; language=fr' }, 'en'],
  ]
  for (const path of ['/', '/playground', '/captions', '/sideband'])
    for (const [headers, language] of cases) {
      const response = await fetch(url + path, { headers })
      const named = `${path} ${JSON.stringify(headers)}`
      t.is(response.headers.get('content-language'), language, named)
      t.regex(await response.text(), new RegExp(`<html lang="${language}"`), named)
      t.regex(response.headers.get('vary') ?? '', /Accept-Language, Cookie/, named)
    }
  t.is((await fetch(`${url}/index.ja.html`)).status, 404)
})

test('each language of a page has a tag of its own', async t => {
  const { url } = await gatewayProcess(t, {})
  const tagOf = async (language: string) =>
    (await fetch(url, { headers: { 'Accept-Language': language } })).headers.get('etag') ?? ''
  const [english, japanese] = [await tagOf('en'), await tagOf('ja')]
  t.not(english, japanese)
  const again = await fetch(url, { headers: { 'Accept-Language': 'ja', 'If-None-Match': english } })
  t.is(again.status, 200)
})
