/** Tables of the documents, rendered from the sources that the program itself reads. */
import type { z } from 'zod'
import { settingMeta, settingNames, settingTable } from '../../infra/setting-table.ts'
import { environment, type VariableMeta } from '../../runtime/config/environment.ts'
import { type ErrorCode, type ErrorSubject, errorTable } from '../../runtime/core/errors.ts'
import { notServed } from '../clients/run.ts'
import { readTable } from '../clients/table.ts'
import { errorSubjects, errorTexts, type FailedCallCode, failedCallTexts } from './errors.ts'
import * as japanese from './japanese.ts'
import { errors, stackSettings, variables } from './japanese.ts'

export type Language = 'en' | 'ja'
type VariableName = keyof typeof environment.shape

/** Sections of the variables: each begins with the named one and goes on to the next section. */
const sections: readonly (readonly [first: VariableName, en: string, ja: string])[] = [
  ['HOST', 'Process', 'プロセス'],
  ['AZURE_OPENAI_ENDPOINT', 'Upstream', '上流'],
  ['OPENAI_API_KEY', 'OpenAI and models', 'OpenAI とモデル'],
  ['UPSTREAM_CONNECT_TIMEOUT_MS', 'Time limits and buffers', '時間制限とバッファー'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'Traces and recordings', 'トレースと記録'],
  ['SIMULATOR_RATE', 'Embedded simulator', '組み込みシミュレーター'],
  ['CHAT_INSTRUCTIONS', 'Sessions', 'セッション'],
  ['REALTIME_MENU_PATH', 'Prompt and assistants', 'プロンプトとアシスタント'],
  ['REALTIME_TURN_DETECTION_TYPE', 'Turn detection', '発話区間の検出'],
  ['REALTIME_ALLOWED_EVENT_TYPES', 'Event filter and JSON extraction', 'イベントのフィルターと JSON の抽出'],
  ['GATEWAY_AUTH', 'Access', 'アクセス'],
  ['LIMIT_SESSIONS_PER_CREDENTIAL', 'Limits', '制限'],
  ['PRICES_FILE', 'Usage and events', '使用量とイベント'],
  ['REDIS_URL', 'Shared state and scaling', '共有状態とスケーリング'],
  ['SIDEBAND_WEBRTC_FILTER', 'Sideband and telephone calls', 'サイドバンドと電話'],
  ['DRAIN_LAME_DUCK_MS', 'Drain', 'ドレイン'],
]

const headings = {
  en: {
    variables: ['variable', 'default', 'allowed', 'meaning'],
    settings: ['setting', 'default', 'allowed', 'meaning'],
    errors: ['code', 'HTTP', 'close', 'try again', 'meaning', 'what to do'],
    retry: ['yes', 'no'],
    failedCalls: ['code', 'the tool ran', 'meaning', 'what to do'],
    ran: { no: 'no', yes: 'yes', perhaps: 'perhaps' },
    secret: ' (secret)',
  },
  ja: {
    variables: ['変数', '既定値', '許される値', '意味'],
    settings: ['設定', '既定値', '許される値', '意味'],
    errors: ['コード', 'HTTP', 'クローズ', '再試行', '意味', '対処'],
    retry: ['可', '不可'],
    failedCalls: ['コード', '実行', '意味', '対処'],
    ran: { no: 'されない', yes: '済み', perhaps: '不明' },
    secret: '（シークレット）',
  },
} as const

/** Japanese for what a variable may be; whole phrases, as numbers and lists of words are the same in both. */
const allowedPhrases: Readonly<Record<string, string>> = {
  'any text': '任意のテキスト',
  'auto, or a whole number from 1 to 64': 'auto、または 1～64 の整数',
  'a file path': 'ファイルのパス',
  'a host name, or http:// or https:// and a host name':
    'ホスト名、または http:// か https:// で始まるホスト名',
  'https:// addresses (http:// for loopback only), separated by commas':
    'https:// のアドレス（http:// はループバックだけ）のコンマ区切り',
  'an http:// or https:// address, with user:password@ where the proxy asks for them':
    'http:// または https:// のアドレス。プロキシが認証を求める場合は user:password@ を付ける',
  'names of hosts and domains, separated by commas; * is all':
    'ホスト名またはドメイン名のコンマ区切り。* はすべて',
  'a comma-separated list': 'コンマ区切りのリスト',
  'visible ASCII characters': '印字可能な ASCII 文字',
  'a GUID': 'GUID',
  'set by the platform': 'プラットフォームが設定',
  'a version such as 2025-04-01-preview': '2025-04-01-preview のようなバージョン',
  'an https:// address (http:// for loopback only)': 'https:// のアドレス（http:// はループバックだけ）',
  'glob:deployment pairs separated by commas, such as gpt-4o-realtime-preview*:gpt-realtime':
    'glob:deployment の組のコンマ区切り（例: gpt-4o-realtime-preview*:gpt-realtime）',
  'an http:// or https:// address, without /v1/traces':
    'http:// か https:// のアドレス（/v1/traces は付けない）',
  'name=value pairs separated by commas': 'name=value の組のコンマ区切り',
  'Authorization=AAD, with ;ClientId= and a GUID for a user-assigned identity':
    'Authorization=AAD（ユーザー割り当て ID では ;ClientId= と GUID を続ける）',
  'true or false': 'true、false',
  'a folder that exists': '存在するフォルダー',
  'none, key, entra, or key,entra': 'none、key、entra、key,entra',
  'name:secret pairs': 'name:secret の組',
  'a scope name': 'スコープ名',
  'a role name': 'ロール名',
  'whsec_ and base64, separated by commas': 'whsec_ と base64 のコンマ区切り',
  'a redis:// or rediss:// address': 'redis:// か rediss:// のアドレス',
  'accept, reject, assistant: and a name, reject: and a SIP status from 300 to 699, or rules of a glob, = and one of these':
    'accept、reject、assistant: とアシスタント名、reject: と 300～699 の SIP ステータス、または glob と = に続けてこれらのいずれかを書いた規則',
}

function allowedIn(language: Language, allowed: string): string {
  if (language === 'en') return allowed
  const [, whole, least, most] = /^a (whole )?number from (\S+) to (\S+)$/.exec(allowed) ?? []
  if (least !== undefined) return `${least}～${most} の${whole === undefined ? '数' : '整数'}`
  return allowedPhrases[allowed] ?? allowed
}

/** Phrases that a Japanese table would show in English. */
export function untranslated(): string[] {
  return Object.values(environment.shape)
    .map(schema => allowedIn('ja', metaOf(schema).allowed))
    .filter(shown => / (a|of|and|or|such) /.test(` ${shown} `))
}

const metaOf = (schema: z.ZodType) => schema.meta() as unknown as VariableMeta

/** The default of a setting as one writes it; '' for none. */
function defaultOf(schema: { safeParse(value: undefined): { data?: unknown } }): string {
  const value = schema.safeParse(undefined).data
  return Array.isArray(value) ? value.join(',') : String(value ?? '')
}

const row = (cells: readonly string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [row(head), `|${'---|'.repeat(head.length)}`, ...rows.map(row)].join('\n')
const code = (text: string) => (text === '' ? '–' : `\`${text}\``)

/** Every variable of the runtime, in its section. */
function inSections(): { en: string; ja: string; names: VariableName[] }[] {
  const found: { en: string; ja: string; names: VariableName[] }[] = []
  for (const name of Object.keys(environment.shape) as VariableName[]) {
    const section = sections.find(([first]) => first === name)
    if (section !== undefined) found.push({ en: section[1], ja: section[2], names: [] })
    found.at(-1)?.names.push(name)
  }
  return found
}

/** The tables of `docs/configuration.md`. */
export function renderVariables(language: Language): string {
  const { variables: head, secret } = headings[language]
  return inSections()
    .map(section => {
      const rows = section.names.map(name => {
        const { description, allowed, secret: isSecret } = metaOf(environment.shape[name])
        const meaning = language === 'en' ? description : variables[name]
        const shown = allowedIn(language, allowed)
        return [
          code(name),
          code(defaultOf(environment.shape[name])),
          shown,
          meaning + (isSecret ? secret : ''),
        ]
      })
      return `### ${section[language]}\n\n${table(head, rows)}`
    })
    .join('\n\n')
}

/** `.env.example`: every variable with its default, commented out. */
export function renderEnvExample(): string {
  const parts = inSections().map(({ en, names }) => {
    const lines = names.map(name => {
      const { description } = metaOf(environment.shape[name])
      return `# ${description}\n#${name}=${defaultOf(environment.shape[name])}`
    })
    return [`# ${en}`, ...lines].join('\n')
  })
  const head = '# Copy to .env; `npm start` reads it. Every variable is shown with its default.'
  return `${[head, ...parts].join('\n\n')}\n`
}

/** The table of `docs/azure/settings.md`. */
export function renderStackSettings(language: Language): string {
  const { settings: head, secret } = headings[language]
  const rows = settingNames.map(name => {
    const { description, allowed, secret: isSecret } = settingMeta(name)
    const [meaning, may] = language === 'en' ? [description, allowed] : stackSettings[name]
    return [code(name), code(defaultOf(settingTable.shape[name])), may, meaning + (isSecret ? secret : '')]
  })
  return table(head, rows)
}

/** The tables of `docs/errors.md`, a section for each subject. */
export function renderErrors(language: Language): string {
  const { errors: head, retry: words } = headings[language]
  const texts = language === 'en' ? errorTexts : errors
  const subjects = language === 'en' ? errorSubjects : japanese.errorSubjects
  const rowOf = (name: ErrorCode) => {
    const { status, close, retry } = errorTable[name]
    return [code(name), String(status), String(close), words[retry ? 0 : 1], ...texts[name]]
  }
  const names = Object.keys(errorTable) as ErrorCode[]
  return (Object.keys(errorSubjects) as ErrorSubject[])
    .map(subject => {
      const [heading, introduction] = subjects[subject]
      const rows = names.filter(name => errorTable[name].subject === subject).map(rowOf)
      return `### ${heading}\n\n${introduction}\n\n${table(head, rows)}`
    })
    .join('\n\n')
}

/** The table of what a model receives of a failed call, in `docs/errors.md`. */
export function renderFailedCalls(language: Language): string {
  const { failedCalls: head, ran } = headings[language]
  const rows = (Object.keys(failedCallTexts) as FailedCallCode[]).map(name => {
    const [hasRun, ...english] = failedCallTexts[name]
    return [code(name), ran[hasRun], ...(language === 'en' ? english : japanese.failedCalls[name])]
  })
  return table(head, rows)
}

/** Japanese for the cells of the table of clients that are words. */
const clientWords: Readonly<Record<string, string>> = {
  client: 'クライアント',
  version: 'バージョン',
  'what to set': '設定',
  'model of its own': '独自のモデル',
  text: 'テキスト',
  voice: '音声',
  tool: 'ツール',
  interruption: '中断',
  error: 'エラー',
  transcription: '文字起こし',
  yes: '可',
  '**no**': '**不可**',
  [notServed]: '未提供',
}

/** The table of `docs/endpoints/sdk.md`, which a run of the clients writes, in Japanese. */
export function renderJapaneseClients(): string {
  const inJapanese = (cell: string) =>
    clientWords[cell] ??
    cell
      .replace(/ for (Node|Python)\b/, '（$1）')
      .replace(/ \((npm|PyPI)\)/, '（$1）')
      .replace(', `', '、`')
  return readTable()
    .split('\n')
    .map(line =>
      line
        .split(' | ')
        .map(cell =>
          cell.replace(
            /^(\| )?(.*?)( \|)?$/,
            (_, before = '', word, after = '') => before + inJapanese(word) + after,
          ),
        )
        .join(' | '),
    )
    .join('\n')
}
