/** The built pages, served from memory: read and tagged once at start, compressed when they are first asked for. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, gzip } from 'node:zlib'
import type { HttpAnswer, HttpHandler, HttpRequest, HttpRoute } from '../server/http.ts'
import type { GatewayInfo } from './page-info.ts'

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
}

/** Formats that are compressed already. */
const incompressible = new Set(['.png', '.ico', '.woff2'])

/**
 * Pages load nothing from other hosts and run no inline script; sockets go to the page's own host (CSP level 3 takes
 * `'self'` for it) or to the Application Gateway alone.
 * MSAL talks to the sign-in service, and renews a sign-in in a hidden frame that comes back to the page.
 * @param signIn address of the sign-in service, where pages use one
 * @param host where sockets are opened: '' for the page's own, else `ws://host` or `wss://host`
 */
function pagePolicy(signIn: string | undefined, host: string): Record<string, string> {
  const origin = signIn === undefined ? '' : ` ${new URL(signIn).origin}`
  const policy = [
    "default-src 'self'",
    `connect-src 'self'${host === '' ? '' : ` ${host}`}${origin}`,
    `frame-src${origin || " 'none'"}`,
    "media-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    `frame-ancestors ${origin === '' ? "'none'" : "'self'"}`,
  ]
  return {
    'Content-Security-Policy': policy.join('; '),
    ...(origin !== '' && { 'X-Frame-Options': 'SAMEORIGIN' }),
  }
}

/** Vite puts a hash of the content into the names below this folder, so they never change. */
const hashedFolder = '/assets/'
const forEver = 'public, max-age=31536000, immutable'
const askEachTime = 'no-cache'

/** The tag whose content each page reads its gateway from. */
const infoTag = '<meta name="gateway" content="{}"'

/** Ends the name of a page's Japanese translation, which stands beside the page. */
const japaneseEnding = '.ja.html'

/**
 * Loads every file below a folder as a page: `index.html` at `/`, other HTML also without its ending. Where
 * `NAME.ja.html` stands beside `NAME.html`, that is what those get who prefer Japanese.
 * @param folder the output of the build; when it does not exist there are no pages
 */
export function loadPages(folder: string, info: GatewayInfo): Map<string, HttpRoute> {
  const pages = new Map<string, HttpRoute>()
  if (!existsSync(folder)) return pages
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const extension = extname(entry.name)
    if (!entry.isFile() || !(extension in contentTypes) || entry.name.endsWith(japaneseEnding)) continue
    const file = join(entry.parentPath, entry.name)
    const path = `/${relative(folder, file).split(sep).join('/')}`
    const load = (source: string) =>
      createPage(
        path,
        extension,
        extension === '.html' ? withInfo(readFileSync(source, 'utf8'), info) : readFileSync(source),
        pagePolicy(info.entra?.authority, info.host),
      )
    const translation = file.replace(/\.html$/, japaneseEnding)
    const hasTranslation = extension === '.html' && existsSync(translation)
    const route = { GET: hasTranslation ? byLanguage(load(file), load(translation)) : load(file) }
    pages.set(path, route)
    if (extension === '.html')
      pages.set(path === '/index.html' ? '/' : path.slice(0, -extension.length), route)
  }
  return pages
}

/** A page in two languages. The person's choice is a cookie of the pages' own; else the browser's languages count. */
function byLanguage(english: HttpHandler, japanese: HttpHandler): HttpHandler {
  return async request => {
    const isJapanese = prefersJapanese(request)
    const { headers, ...rest } = await (isJapanese ? japanese : english)(request)
    return {
      ...rest,
      headers: {
        ...headers,
        'Content-Language': isJapanese ? 'ja' : 'en',
        Vary: 'Accept-Encoding, Accept-Language, Cookie',
      },
    }
  }
}

/** Whether Japanese comes before English: by the cookie `language`, else by `Accept-Language` (RFC 9110 section 12.5.4). */
function prefersJapanese({ headers }: HttpRequest): boolean {
  const chosen = /(?:^|;\s*)language=(en|ja)(?:;|$)/.exec(headers.get('cookie') ?? '')?.[1]
  if (chosen !== undefined) return chosen === 'ja'
  const accepted = headers.get('accept-language') ?? ''
  return weightOf(accepted, 'ja') > weightOf(accepted, 'en')
}

/** The highest weight, 0 to 1, that `Accept-Language` gives a language or one of its regions. */
function weightOf(header: string, language: string): number {
  const weights = header.split(',').map(part => {
    const [range = '', ...parameters] = part.split(';').map(word => word.trim().toLowerCase())
    if (range !== language && !range.startsWith(`${language}-`)) return 0
    const weight = parameters.find(parameter => parameter.startsWith('q='))
    return weight === undefined ? 1 : Number(weight.slice(2)) || 0
  })
  return Math.max(...weights)
}

function withInfo(html: string, info: GatewayInfo): Buffer {
  const json = JSON.stringify(info).replace(/&/g, '&amp;').replace(/"/g, '&quot;').replace(/</g, '&lt;')
  return Buffer.from(html.replace(infoTag, () => `<meta name="gateway" content="${json}"`))
}

function createPage(
  path: string,
  extension: string,
  body: Buffer,
  policy: Record<string, string>,
): HttpHandler {
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  const bodies = known.get(etag) ?? compress(body, extension)
  known.set(etag, bodies)
  const headers = {
    ...policy,
    'Content-Type': contentTypes[extension] ?? 'application/octet-stream',
    'Cache-Control': path.startsWith(hashedFolder) ? forEver : askEachTime,
    Vary: 'Accept-Encoding',
  }
  return request => answer(request, bodies, etag, headers)
}

/** The smallest first. */
const encodings = ['br', 'gzip'] as const

type Encoding = (typeof encodings)[number]

/** What a page is sent as. null: it is compressed already. */
interface Bodies {
  readonly identity: Buffer
  readonly compressed: Readonly<Record<Encoding, () => Promise<Buffer>>> | null
}

/** By tag: gateways in one process have nearly all files in common. */
const known = new Map<string, Bodies>()

const encoders: Readonly<Record<Encoding, (body: Buffer) => Promise<Buffer>>> = {
  br: promisify<Buffer, Buffer>(brotliCompress),
  gzip: promisify<Buffer, Buffer>(gzip),
}

/** Compressing all pages takes most of a second: no start waits for it, and no conversation, as it is done beside the event loop. */
function compress(body: Buffer, extension: string): Bodies {
  if (incompressible.has(extension)) return { identity: body, compressed: null }
  const once = (encoding: Encoding) => {
    let encoded: Promise<Buffer> | null = null
    return () => {
      encoded ??= encoders[encoding](body)
      return encoded
    }
  }
  return { identity: body, compressed: { br: once('br'), gzip: once('gzip') } }
}

async function answer(
  request: HttpRequest,
  bodies: Bodies,
  etag: string,
  headers: Record<string, string>,
): Promise<HttpAnswer> {
  const accepted = request.headers.get('accept-encoding') ?? ''
  const encoding = bodies.compressed && encodings.find(name => accepts(accepted, name))
  // A tag names one representation, so each encoding has its own (RFC 9110 section 8.8.3.3).
  const tag = encoding ? etag.replace(/"$/, `-${encoding}"`) : etag
  const tagged = { ...headers, ETag: tag, ...(encoding && { 'Content-Encoding': encoding }) }
  const isCurrent = request.headers
    .get('if-none-match')
    ?.split(',')
    .some(value => value.trim().replace(/^W\//, '') === tag)
  if (isCurrent) return { status: 304, headers: tagged }
  const body = (encoding && (await bodies.compressed?.[encoding]())) ?? bodies.identity
  return { status: 200, headers: tagged, body }
}

/** Whether `Accept-Encoding` names an encoding and does not refuse it by `q=0` (RFC 9110 section 12.5.3). */
function accepts(header: string, encoding: string): boolean {
  return header.split(',').some(part => {
    const [name, ...parameters] = part.split(';').map(word => word.trim().toLowerCase())
    return name === encoding && !parameters.some(parameter => /^q=0(\.0*)?$/.test(parameter))
  })
}
