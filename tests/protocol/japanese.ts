/** The Japanese texts of the page of the protocol, by the English ones. A text that is missing here stops the page. */

/** What becomes of a name, and what stands where nothing is said. */
const verdicts: Readonly<Record<string, string>> = {
  'as it is': '変更なし',
  translated: '変換',
  'left out': '省略',
  taken: '受け付ける',
  refused: '拒否',
  sent: '送信',
  'not sent': '送信しない',
  known: '対応',
  served: '提供',
  'not served': '未提供',
}

const columns: Readonly<Record<string, string>> = {
  address: 'アドレス',
  gateway: 'ゲートウェイ',
  simulator: 'シミュレーター',
  why: '理由',
  event: 'イベント',
  fields: 'フィールド',
  preview: 'preview',
  field: 'フィールド',
  'client event': 'クライアントのイベント',
  'server event': 'サーバーのイベント',
  'field of a session': 'セッションのフィールド',
  from: '方向',
  what: '対象',
  becomes: '変換後',
}

const prose: Readonly<Record<string, string>> = {
  '# The protocol, name by name': '# プロトコルの名前一覧',
  'Every address, event and field of the Realtime API in the type files of `openai` VERSION, and how the gateway and the simulator treat each. `npm run protocol-table` writes this page; a test fails when a new version of the package adds a name.':
    'パッケージ `openai` VERSION の型定義にある Realtime API のすべてのアドレス、イベント、フィールドと、それぞれに対するゲートウェイとシミュレーターの扱いです。このページは `npm run protocol-table` が生成します。パッケージの新しいバージョンで名前が増えると、テストが失敗します。',
  'If client and upstream speak the same dialect, the gateway changes nothing: frames pass byte for byte, with fields that this table does not list. If they speak different dialects, the gateway translates. The column *preview* shows what becomes of each name between GA and the preview of 2024-25, in either direction; a name that is *left out* has no counterpart.':
    'クライアントと上流の方言が同じなら、ゲートウェイは何も変更しません。フレームは、表にないフィールドも含めて、バイト単位でそのまま通ります。方言が異なる場合は変換します。「preview」の列は、GA と 2024～25 年の preview の間で名前がどうなるかを、両方向について示します。「省略」は、もう一方の方言に対応する名前がないことを示します。',
  '## Addresses, below `/v1` and `/openai/v1`': '## `/v1` と `/openai/v1` の配下のアドレス',
  '## What clients send': '## クライアントが送信するイベント',
  '## What servers send': '## サーバーが送信するイベント',
  '## Fields of a session': '## セッションのフィールド',
  '## Fields of a transcription session': '## 文字起こしセッションのフィールド',
  '## Fields of `response.create`': '## `response.create` のフィールド',
  'Items in `input` are those of `conversation.item.create`.':
    '`input` の項目は `conversation.item.create` と同じです。',
  '## Live translation': '## ライブ翻訳',
  'Live translation has a protocol of its own, at `/realtime/translations`: the gateway passes it through, and the preview does not have it. See [transcription and translation](transcription.md).':
    'ライブ翻訳には専用のプロトコルがあります（`/realtime/translations`）。ゲートウェイは変更せずに通します。preview にはありません。[文字起こしと翻訳](transcription.md)を参照してください。',
  '## What is lost between the dialects': '## 方言間の変換で失われるもの',
  'This is all that is lost between a client of one dialect and an upstream of the other. A test translates values of every variant of both type sets of the package there and back, and fails if it loses more (`tests/fuzz/dialect.test.ts`).':
    'クライアントと上流の方言が異なるときに失われるものは、次の表がすべてです。テストで、パッケージの両方の型定義にあるすべての種類の値を往復で変換し、ほかに失われるものがないことを確認しています（`tests/fuzz/dialect.test.ts`）。',
  'The following passes, although the other type set does not have it:':
    '次のものは、もう一方の型定義にありませんが、そのまま通ります。',
}

/** Why a name is not served or not sent (`reasons.ts`). */
const reasons: Readonly<Record<string, string>> = {
  'The type files have it; no recording of GA has it': '型定義にはあるが、GA の記録にはない',
  'Sent in telephone calls only; passes if upstream sends it':
    '電話の通話だけで使う。上流が送信すれば、そのまま通す',
}

/** What a translation loses or fills in (`losses.ts`). */
const losses: Readonly<Record<string, string>> = {
  'GA to preview': 'GA から preview',
  'preview to GA': 'preview から GA',
  'left out of `tools`': '`tools` から省略',
  'left out of the list': 'リストから省略',
  'left out; added again for the preview': '省略し、preview に戻すときに補う',
  'not shown': '送らない',
  'The preview refuses a whole message for one field that it does not know':
    'preview は、未知のフィールドが 1 つでもあると、メッセージ全体を拒否する',
  'The beta of OpenAI had it; the preview of Azure, the only one still served, refuses the message':
    'OpenAI のベータ版にはあった。現在も提供されている Azure の preview は、メッセージを拒否する',
  '`session.include` of a conversation': '会話の `session.include`',
  'The preview has it in transcription sessions only': 'preview では文字起こしセッションだけにある',
  'an audio format without `type`': '`type` のない音声形式',
  'The preview writes a format as one word; its default is the same PCM':
    'preview では形式を 1 語で表す。既定は同じ PCM',
  'a voice with an `id`': '`id` で指定した声',
  'The preview identifies a voice by its name': 'preview では声を名前で指定する',
  'tools of an MCP server': 'MCP サーバーのツール',
  '`tool_choice` of an MCP server': 'MCP サーバーを指す `tool_choice`',
  'items about an MCP server, in `input` and `output`':
    '`input` と `output` に含まれる、MCP サーバーに関する項目',
  'events about an item of an MCP server': 'MCP サーバーの項目に関するイベント',
  'The preview has no such items': 'preview にはこのような項目がない',
  'events that the preview does not have, such as `mcp_list_tools.completed`':
    'preview にないイベント（`mcp_list_tools.completed` など）',
  'The tables above list them': '上の表に示すとおり',
  'The preview announces an item once, with `conversation.item.created`':
    'preview は項目を `conversation.item.created` で 1 回だけ通知する',
  '`conversation.item.added`, and `conversation.item.done` for a complete item':
    '`conversation.item.added`。項目が完成していれば `conversation.item.done` も送る',
  'GA announces an item twice': 'GA は項目を 2 回通知する',
  'GA does not send it': 'GA では送信しない',
  '`modalities` of `text` and `audio`': '`text` と `audio` を指定した `modalities`',
  '`output_modalities` of `audio`': '`audio` を指定した `output_modalities`',
  'GA answers in one modality, and audio comes with its transcript':
    'GA の回答は 1 種類だけで、音声には文字起こしが付く',
  '`modalities` of a transcription session': '文字起こしセッションの `modalities`',
  'A transcription session has no output': '文字起こしセッションには出力がない',
  'GA refuses it': 'GA は拒否する',
  'GA has a separate address for keys': 'GA では、キーを別のアドレスで発行する',
  'in `turn_detection`, what belongs to the other type': '`turn_detection` にある、別の種類のフィールド',
  'GA refuses it; without `type`, the type is `server_vad`':
    'GA は拒否する。`type` がなければ `server_vad` とみなす',
  '`turn_detection` without `type`': '`type` のない `turn_detection`',
  'It is the default of the preview, and GA requires the field': 'preview の既定であり、GA では必須である',
  "an item's `object`": '項目の `object`',
  'GA announces items without it; it is always `realtime.item`':
    'GA の通知にはない。値は常に `realtime.item`',
  '`audio/pcm` with its rate of 24000': '`audio/pcm`（サンプルレート 24000）',
  'It is the only rate': 'ほかのレートはない',
  'images, and items about an MCP server, that a client adds to a conversation':
    'クライアントが会話に追加する画像と、MCP サーバーに関する項目',
  'The preview then refuses them with an error that names them; an answer that silently ignores them would mislead':
    'preview がエラーで拒否し、原因を示す。黙って取り除いて回答させると、利用者が誤解するため',
  '`turn_detection` of null': '値が null の `turn_detection`',
  'The documents of the preview allow it; its type files do not have it':
    'preview の文書では認められている。型定義にはない',
  "an assistant's audio in the `input` of a response": '応答の `input` に含まれる、アシスタントの音声',
  'The type files of the preview have such a part in the items of a conversation':
    'preview の型定義では、会話の項目にこの要素がある',
  'images in events of the server': 'サーバーのイベントに含まれる画像',
  'A client reads the parts that it knows': 'クライアントは、対応する要素だけを読む',
  'The preview sends it; its type files have only `transcription_session.updated`':
    'preview は送信するが、型定義には `transcription_session.updated` だけがある',
  '`transcription_session.updated` without `client_secret`':
    '`client_secret` のない `transcription_session.updated`',
  'A session that was not opened with an ephemeral key has none':
    '一時キーで開いたのでないセッションには、この値がない',
  '`response.function_call_arguments.done` without `name`':
    '`name` のない `response.function_call_arguments.done`',
  'The preview names the function in `response.output_item.added`; the gateway adds the name if it has seen that event':
    'preview では、関数の名前は `response.output_item.added` にある。ゲートウェイは、このイベントを受信していれば名前を補う',
}

export const texts: Readonly<Record<string, string>> = {
  ...verdicts,
  ...columns,
  ...prose,
  ...reasons,
  ...losses,
}

/** Texts that a page has only at times: a verdict that no name has today. */
export const wordsOfVerdicts: ReadonlySet<string> = new Set(Object.keys(verdicts))

/** A cell without words: names in code, or nothing. */
const isCode = (cell: string) => /^(–|`[^`]+`(, `[^`]+`)*)$/.test(cell)

/** @returns the Japanese of a text of the page; null where nobody wrote it */
export function inJapanese(english: string): string | null {
  if (isCode(english)) return english
  const [, verdict = '', result = ''] = /^(translated): (.+)$/.exec(english) ?? []
  if (isCode(result) && verdict in verdicts) return `${verdicts[verdict]}: ${result}`
  return texts[english.replaceAll('\n', ' ')] ?? null
}
