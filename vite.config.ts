import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig, type Plugin } from 'vite'

const web = fileURLToPath(new URL('web', import.meta.url))

/** One HTML file for each page; the gateway serves `web/dist` from memory. */
const pages = {
  index: `${web}/index.html`,
  playground: `${web}/playground.html`,
  captions: `${web}/captions.html`,
  sideband: `${web}/sideband.html`,
}

const partMark = /<!--part (\S+)-->/g

/** Puts `<!--part FILE-->` in place and marks the page's own link, so that every page has one masthead. */
const parts: Plugin = {
  name: 'parts',
  transformIndexHtml: {
    order: 'pre',
    handler: (html, { path }) => {
      const whole = html.replace(partMark, (_, file: string) =>
        readFileSync(`${web}/${file}`, 'utf8').trimEnd(),
      )
      const address = path.replace(/index\.html$|\.html$/, '')
      return whole.replace(`<a href="${address}">`, `<a href="${address}" aria-current="page">`)
    },
  },
}

export default defineConfig({
  root: web,
  appType: 'mpa',
  plugins: [parts],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2023',
    // The pages' Content-Security-Policy allows no data: URLs and no inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: pages },
  },
})
