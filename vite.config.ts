import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig, type Plugin } from 'vite'
import { japanese } from './web/language/japanese.ts'
import { translatePage } from './web/language/translate-page.ts'

const web = fileURLToPath(new URL('web', import.meta.url))

/** One HTML file for each page; the gateway serves `web/dist` from memory. */
const pages = {
  index: `${web}/index.html`,
  playground: `${web}/playground.html`,
  captions: `${web}/captions.html`,
  sideband: `${web}/sideband.html`,
}

const partMark = /<!--part (\S+)-->/g

/** Parts may have parts of their own. */
function putParts(html: string): string {
  return html.replace(partMark, (_, file: string) =>
    putParts(readFileSync(`${web}/${file}`, 'utf8').trimEnd()),
  )
}

/** Puts `<!--part FILE-->` in place and marks the page's own link, so that every page has one masthead. */
const parts: Plugin = {
  name: 'parts',
  transformIndexHtml: {
    order: 'pre',
    handler: (html, { path }) => {
      const whole = putParts(html)
      const address = path.replace(/index\.html$|\.html$/, '')
      return whole.replace(`<a href="${address}">`, `<a href="${address}" aria-current="page">`)
    },
  },
}

/** Writes each page once more in Japanese: `index.html` and `index.ja.html`. The gateway chooses between them. */
const translations: Plugin = {
  name: 'translations',
  enforce: 'post',
  generateBundle: {
    order: 'post',
    handler(_, bundle) {
      for (const file of Object.values(bundle))
        if (file.type === 'asset' && file.fileName.endsWith('.html'))
          this.emitFile({
            type: 'asset',
            fileName: file.fileName.replace(/\.html$/, '.ja.html'),
            source: translatePage(String(file.source), japanese),
          })
    },
  },
}

/** Shows every component in every state; in development only. */
const design = `${web}/design.html`

export default defineConfig(({ mode }) => ({
  root: web,
  appType: 'mpa',
  plugins: [parts, translations],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2023',
    // The pages' Content-Security-Policy allows no data: URLs and no inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: mode === 'development' ? { ...pages, design } : pages },
  },
}))
