/** The Japanese texts of the page of the simulator's behaviour, by the English ones of `docs/simulator/behaviour.md`. */

export const headings: Readonly<Record<string, string>> = {
  Sessions: 'セッション',
  Items: '項目',
  Responses: '応答',
  Speech: '音声',
  MCP: 'MCP',
  Calls: '通話',
  'Live translation': 'ライブ翻訳',
  Refusals: '拒否',
  Models: 'モデル',
  'The preview': 'preview',
}

export const columns: readonly string[] = ['動作', '根拠', 'テスト']

/** What the simulator does. */
export const behaviours: Readonly<Record<string, string>> = {
  '`session.created` is sent first, without a request, and nothing else until the client sends an event':
    '最初に `session.created` を自動的に送信し、クライアントがイベントを送るまで、ほかには何も送信しない',
  'fields and defaults of `session.created` on `gpt-realtime`: one modality, PCM at 24 kHz, `server_vad` with a threshold of 0.5, 300 ms of padding and 200 ms of silence, voice `alloy`, expiry after an hour':
    '`gpt-realtime` での `session.created` のフィールドと既定値。出力は 1 種類、24 kHz の PCM、`server_vad`（しきい値 0.5、前置き 300 ms、無音 200 ms）、声は `alloy`、期限は 1 時間',
  '`gpt-realtime-2` and later: voice `marin`, 500 ms of silence, `reasoning`, `parallel_tool_calls`':
    '`gpt-realtime-2` 以降。声は `marin`、無音 500 ms、`reasoning`、`parallel_tool_calls`',
  'the text of the default instructions': '既定の指示の文面',
  '`session.update` is answered by `session.updated` with the whole session; a field that was not sent stays':
    '`session.update` には、セッション全体を含む `session.updated` で応答する。送られなかったフィールドは変わらない',
  '`session.updated` shows a function without a description with `description: null`':
    '説明のない関数は、`session.updated` に `description: null` として現れる',
  'the voice cannot change after the assistant has produced audio: `cannot_update_voice`':
    'アシスタントが音声を出力した後は、声を変更できない（`cannot_update_voice`）',
  'when a session expires: `session_expired` without an event id, then close 1001':
    'セッションの期限が切れると、イベント ID のない `session_expired` を送信し、1001 で閉じる',
  "the id of a call's session begins with `sess_u0_` at OpenAI, not at Azure":
    '通話のセッションの ID は、OpenAI では `sess_u0_` で始まる。Azure では始まらない',
  'forms of ids: `event_`, `sess_`, `item_`, `resp_` or `conv_` followed by 21 characters, `call_` followed by 16':
    'ID の形式。`event_`、`sess_`、`item_`、`resp_`、`conv_` の後に 21 文字、`call_` の後に 16 文字',
  '`conversation.item.create` is answered by `conversation.item.added` and `conversation.item.done`, without `object`':
    '`conversation.item.create` には `conversation.item.added` と `conversation.item.done` で応答する。`object` は含まない',
  'in `conversation.item.done` of an item that the model created, `previous_item_id` is null if the preceding item is the first of the conversation, and correct otherwise':
    'モデルが作成した項目の `conversation.item.done` では、直前の項目が会話の先頭の場合、`previous_item_id` が null になる。それ以外は正しい値になる',
  '`previous_item_id` inserts an item at the beginning (`root`) or after the item that it names; without it, the item is appended; an unknown id is refused with `item_create_invalid_previous_item_id`':
    '`previous_item_id` は、項目を先頭（`root`）または指定した項目の後に挿入する。省略すると末尾に追加する。未知の ID は `item_create_invalid_previous_item_id` で拒否する',
  'an id that exists already is refused with `item_create_invalid_item_id`':
    '既にある ID は `item_create_invalid_item_id` で拒否する',
  '`conversation.item.retrieve` is answered by `conversation.item.retrieved` with the audio, `conversation.item.delete` by `conversation.item.deleted`':
    '`conversation.item.retrieve` には音声を含む `conversation.item.retrieved` で、`conversation.item.delete` には `conversation.item.deleted` で応答する',
  'an item that does not exist: `item_retrieve_invalid_item_id`, `item_delete_invalid_item_id`, `item_truncate_invalid_item_id`':
    '存在しない項目を指定した場合は `item_retrieve_invalid_item_id`、`item_delete_invalid_item_id`、`item_truncate_invalid_item_id`',
  '`conversation.item.truncate` is answered by `conversation.item.truncated` and removes the transcript; a position beyond the audio is refused with `invalid_value`, an item without speech with `unsupported_content_type`':
    '`conversation.item.truncate` には `conversation.item.truncated` で応答し、文字起こしを取り除く。音声の長さを超える位置は `invalid_value`、音声のない項目は `unsupported_content_type` で拒否する',
  'the output of a call that does not exist is refused with `invalid_tool_call_id`':
    '存在しない呼び出しの結果は `invalid_tool_call_id` で拒否する',
  'an answer in text: `response.created`, `response.output_item.added`, `conversation.item.added`, `response.content_part.added`, `response.output_text.delta`, `response.output_text.done`, `response.content_part.done`, `conversation.item.done`, `response.output_item.done`, `response.done`':
    'テキストの回答の順序。`response.created`、`response.output_item.added`、`conversation.item.added`、`response.content_part.added`、`response.output_text.delta`、`response.output_text.done`、`response.content_part.done`、`conversation.item.done`、`response.output_item.done`、`response.done`',
  'a spoken answer: some words, then `response.output_audio_transcript.delta` and `response.output_audio.delta` mixed, then audio only; `response.output_audio.done` before `response.output_audio_transcript.done`':
    '音声の回答の順序。最初に言葉がいくつか届き、`response.output_audio_transcript.delta` と `response.output_audio.delta` が交互に続き、最後は音声だけになる。`response.output_audio.done` は `response.output_audio_transcript.done` より先',
  'deltas of text carry `obfuscation`, deltas of audio do not':
    'テキストのデルタは `obfuscation` を含み、音声のデルタは含まない',
  'length and rate of deltas': 'デルタの長さと間隔',
  'at Azure, `response.content_part.*` also has the part under the name `content`':
    'Azure の `response.content_part.*` では、同じ内容が `content` にもある',
  'OpenAI sends `rate_limits.updated` after `response.done`, for tokens only; Azure never sends it':
    'OpenAI は `response.done` の後に、トークンについてだけ `rate_limits.updated` を送信する。Azure は送信しない',
  'a call of a tool: `response.function_call_arguments.delta`, then `response.function_call_arguments.done` with its `name`':
    'ツールの呼び出し。`response.function_call_arguments.delta` の後に、`name` を含む `response.function_call_arguments.done`',
  '`gpt-realtime-2` says a sentence before it calls a function: the response has two items, each with its `phase`':
    '`gpt-realtime-2` は、関数を呼び出す前に 1 文を話す。応答には項目が 2 つあり、それぞれに `phase` がある',
  '`response.cancel` ends an answer with all of its `done` events: items have the status `incomplete`, the response has the status `cancelled` and the reason `client_cancelled`; if no answer is in progress, the message is refused with `response_cancel_not_active`':
    '`response.cancel` を受け取ると、`done` のイベントをすべて送信して回答を終える。項目の状態は `incomplete`、応答の状態は `cancelled`、理由は `client_cancelled`。進行中の回答がなければ `response_cancel_not_active` で拒否する',
  'a second response at the same time is refused with `conversation_already_has_active_response`':
    '同時に 2 つ目の応答を要求すると `conversation_already_has_active_response` で拒否する',
  'a response with `conversation: "none"` causes no item events, has no conversation id, and may run in parallel with another response':
    '`conversation: "none"` の応答は、項目のイベントを発生させず、会話の ID を持たない。ほかの応答と並行して実行できる',
  'a response that reaches `max_output_tokens` has the status `incomplete`':
    '`max_output_tokens` に達した応答の状態は `incomplete` になる',
  'a response that fails has the status `failed`, with `rate_limit_exceeded` or another code in `status_details.error`':
    '失敗した応答の状態は `failed` になる。`status_details.error` に `rate_limit_exceeded` などのコードがある',
  'a mistake of the simulator during a response ends the response with `server_error`, and not the session; at any other time, it ends that session with close 1011':
    '応答の途中でシミュレーター自体にエラーが起きると、その応答だけを `server_error` で終了し、セッションは続ける。それ以外のときは、そのセッションだけを 1011 で閉じる',
  'what the model says, and how many tokens it counts': 'モデルの発言の内容と、トークンの数',
  "the model calls the tool that matches the user's words best: by its name or a word of it, a value that a parameter lists (`enum`), or two words of its description; a value counts three, a word of the name two, a word of the description one":
    'モデルは、利用者の言葉に最もよく一致するツールを呼び出す。名前またはその中の語、パラメーターの列挙値（`enum`）、説明の 2 語のいずれかで一致させ、列挙値は 3 点、名前の語は 2 点、説明の語は 1 点とする',
  '`response.create` whose `tool_choice` names a function or an MCP server that is not among the tools is refused, without a code; after a spoken turn, the answer is in words':
    '`response.create` の `tool_choice` が、ツールの中にない関数または MCP サーバーを指す場合は、コードなしで拒否する。発話の後では、言葉で回答する',
  "arguments of the call: listed values that the user says, whole or in part, numbers in digits or words, names of places, quoted texts; a required listed value that the user does not say is taken from the user's last five turns":
    '呼び出しの引数。利用者が全部または一部を言った列挙値、算用数字または言葉による数、地名、引用符で囲んだテキスト。必須の列挙値を言わなかった場合は、利用者の直前の 5 ターンから補う',
  'in Japanese, tools, sizes, numbers up to nine and the names that JSON in the instructions gives in Japanese are understood; if no tool matches, the answer is in Japanese':
    '日本語では、ツール、サイズ、9 までの数、および指示の中の JSON に日本語で書かれた名前を理解する。一致するツールがない場合も日本語で回答する',
  'if no tool matches, the answer ends with values that required parameters list':
    '一致するツールがない場合は、必須のパラメーターの列挙値を回答の最後に示す',
  "after a tool's output, the answer is its `summary` if it has one, the message if the call failed with `tool_failed`, and otherwise a quotation of the output":
    'ツールの結果に `summary` があればそれを、呼び出しが `tool_failed` で失敗した場合はメッセージを、それ以外は結果の引用を回答とする',
  '`usage` has the fields of text, audio, image and cached tokens':
    '`usage` には、テキスト、音声、画像、キャッシュのトークンのフィールドがある',
  'a spoken turn: `input_audio_buffer.speech_started`, `input_audio_buffer.speech_stopped`, `input_audio_buffer.committed`, the item with `transcript: null`, and the answer without a request':
    '発話の順序。`input_audio_buffer.speech_started`、`input_audio_buffer.speech_stopped`、`input_audio_buffer.committed`、`transcript: null` の項目の後に、自動的に回答する',
  'what counts as speech, and where it begins and ends': '何を発話とみなし、始まりと終わりをどこに置くか',
  '`input_audio_buffer.commit` creates an item and no answer; a commit of less than 100 ms is refused with `input_audio_buffer_commit_empty`':
    '`input_audio_buffer.commit` は項目を作成し、回答はしない。100 ms 未満の場合は `input_audio_buffer_commit_empty` で拒否する',
  '`input_audio_buffer.clear` is answered by `input_audio_buffer.cleared`':
    '`input_audio_buffer.clear` には `input_audio_buffer.cleared` で応答する',
  'speech during an answer cancels the answer with `turn_detected`; with `interrupt_response` off, the answer continues':
    '回答中に発話があると、回答を `turn_detected` で中断する。`interrupt_response` が無効なら、回答を続ける',
  'after `idle_timeout_ms`: `input_audio_buffer.timeout_triggered`, a commit and an answer':
    '`idle_timeout_ms` が過ぎると、`input_audio_buffer.timeout_triggered` を送信し、コミットして回答する',
  'the `eagerness` of `semantic_vad` determines how long it waits':
    '`semantic_vad` が待つ時間は `eagerness` で決まる',
  '`conversation.item.input_audio_transcription.delta` and `conversation.item.input_audio_transcription.completed` are sent in parallel with the answer':
    '`conversation.item.input_audio_transcription.delta` と `conversation.item.input_audio_transcription.completed` を、回答と並行して送信する',
  'if the transcription deployment does not exist, `conversation.item.input_audio_transcription.failed` has the code `DeploymentNotFound`, and the turn continues':
    '文字起こし用のデプロイが存在しない場合は、`conversation.item.input_audio_transcription.failed` にコード `DeploymentNotFound` を付けて送信し、ターンを続ける',
  'the diarizing model sends `conversation.item.input_audio_transcription.segment`':
    '話者を区別するモデルは `conversation.item.input_audio_transcription.segment` を送信する',
  'a transcription session creates no responses': '文字起こしのセッションは応答を作成しない',
  'more than 15 MiB in one append is refused; the buffer holds ten minutes':
    '1 回の追加が 15 MiB を超えると拒否する。バッファーには 10 分まで保持する',
  'the tools of a server are announced by `mcp_list_tools.in_progress`, the item, then `mcp_list_tools.completed` or `mcp_list_tools.failed`':
    'サーバーのツールは、`mcp_list_tools.in_progress`、項目、`mcp_list_tools.completed` または `mcp_list_tools.failed` の順に通知する',
  'a call of such a tool: `response.mcp_call_arguments.delta`, `response.mcp_call_arguments.done`, `response.mcp_call.in_progress`, then `response.mcp_call.completed` or `response.mcp_call.failed`':
    'サーバーのツールの呼び出し。`response.mcp_call_arguments.delta`、`response.mcp_call_arguments.done`、`response.mcp_call.in_progress`、`response.mcp_call.completed` または `response.mcp_call.failed` の順',
  'after an answer to a request for approval, the response continues without a request':
    '承認の要求に応答すると、応答は自動的に続く',
  'an approval that matches no request is refused with `invalid_approval_request_id`':
    '要求に対応しない承認は `invalid_approval_request_id` で拒否する',
  '`POST client_secrets` returns `value`, `expires_at` and the session with `expires_at: 0`':
    '`POST client_secrets` は、`value`、`expires_at`、および `expires_at: 0` のセッションを返す',
  '`POST calls` returns 201, the SDP answer as `text/plain`, and `Location: /v1/realtime/calls/rtc_…`, at Azure without its prefix':
    '`POST calls` は 201 を返す。本文は SDP アンサー（`text/plain`）。`Location: /v1/realtime/calls/rtc_…` は、Azure では先頭のパスを含まない',
  'the SDP answer contains Opus with `minptime=10;useinbandfec=1`, PCMU and PCMA':
    'SDP アンサーには、Opus（`minptime=10;useinbandfec=1`）、PCMU、PCMA がある',
  'Azure starts a call with an ephemeral key alone': 'Azure で通話を開始できるのは一時キーだけである',
  'a sideband connection receives all events except `response.output_audio.delta`; `output_audio_buffer.started`, `output_audio_buffer.stopped` and `output_audio_buffer.cleared` report playout, with ids of 16 hexadecimal digits':
    'サイドバンド接続は、`response.output_audio.delta` を除くすべてのイベントを受信する。再生の状況は `output_audio_buffer.started`、`output_audio_buffer.stopped`、`output_audio_buffer.cleared` で分かり、ID は 16 桁の 16 進数',
  'a sideband connection to a call that does not exist is refused with 404, `call_id_not_found`':
    '存在しない通話へのサイドバンド接続は 404、`call_id_not_found` で拒否する',
  '`output_audio_buffer.clear` on a WebSocket session is refused with `invalid_value`':
    'WebSocket のセッションでは `output_audio_buffer.clear` を `invalid_value` で拒否する',
  'the server sends `session.created`, `session.updated`, `session.input_transcript.delta` if `transcription` is set, `session.output_transcript.delta`, `session.output_audio.delta`, and, after `session.close` and the remaining output, `session.closed`':
    'サーバーは `session.created`、`session.updated`、`session.input_transcript.delta`（`transcription` を設定した場合）、`session.output_transcript.delta`、`session.output_audio.delta` を送信し、`session.close` を受け取ると、残りの出力の後に `session.closed` を送信する',
  'the output is the text "A translation into …" and the same speech that came in':
    '出力は「A translation into …」というテキストと、入力と同じ音声',
  'without `audio.output.language`, the language is `en`':
    '`audio.output.language` がなければ、言語は `en` になる',
  '`POST translations/calls` takes an SDP offer with a key from `translations/client_secrets`; speech is on the audio tracks, events on the data channel':
    '`POST translations/calls` は、`translations/client_secrets` のキーで SDP オファーを受け付ける。音声は音声トラック、イベントはデータチャネルを通る',
  'the addresses of translation also exist below `/openai/v1`':
    '翻訳のアドレスは `/openai/v1` の配下にもある',
  '`session.output_audio.delta` is not sent over the data channel, nor to a connection that joined the call':
    '`session.output_audio.delta` は、データチャネルにも、通話に参加した接続にも送信しない',
  '`POST translations/calls` returns 201 with `Location: /v1/realtime/translations/calls/rtc_…`':
    '`POST translations/calls` は 201 と `Location: /v1/realtime/translations/calls/rtc_…` を返す',
  '`?model=` at `translations/calls` is refused with 400 `invalid_request`':
    '`translations/calls` に `?model=` を付けると 400 `invalid_request` で拒否する',
  'an ephemeral key for conversations is refused for a translation with `invalid_model`, and one for translations likewise for a conversation; an API key is refused with 401':
    '会話用の一時キーを翻訳に使うと `invalid_model` で拒否する。翻訳用の一時キーを会話に使った場合も同じ。API キーは 401 で拒否する',
  'a sideband connection joins a translated call at `translations?call_id=`, not at the address of conversations':
    '翻訳の通話には `translations?call_id=` でサイドバンド接続する。会話のアドレスは使えない',
  '`POST calls/{id}/hangup` ends a call': '`POST calls/{id}/hangup` は通話を終了する',
  "an `error` has type, code, message, param and the client's event id; the session continues":
    '`error` には、種類、コード、メッセージ、パラメーター、クライアントのイベント ID がある。セッションは続く',
  '`unknown_parameter`, `missing_required_parameter`, `invalid_type`, `invalid_value` name the path of the field':
    '`unknown_parameter`、`missing_required_parameter`、`invalid_type`、`invalid_value` は、フィールドのパスを示す',
  'a value outside its limits is refused with `string_above_max_length`, `array_above_max_length`, `object_above_max_properties`, `integer_below_min_value`, `integer_above_max_value`, `decimal_below_min_value` or `decimal_above_max_value`':
    '範囲外の値は `string_above_max_length`、`array_above_max_length`、`object_above_max_properties`、`integer_below_min_value`、`integer_above_max_value`、`decimal_below_min_value`、`decimal_above_max_value` のいずれかで拒否する',
  'a message that is not an event is refused with `invalid_json` or `invalid_event`':
    'イベントでないメッセージは `invalid_json` または `invalid_event` で拒否する',
  'JSON with more than 64 levels is refused with `invalid_json` before it is read':
    '64 段より深い JSON は、読まずに `invalid_json` で拒否する',
  'OpenAI accepts the upgrade and refuses afterwards: `invalid_api_key` with close 3000; `missing_model`, `invalid_model` and `beta_api_shape_disabled` with close 4000':
    'OpenAI は、アップグレードを受け入れてから拒否する。`invalid_api_key` はクローズコード 3000、`missing_model`、`invalid_model`、`beta_api_shape_disabled` は 4000',
  'a call whose offer cannot be answered is refused with 400 `invalid_offer`, another method with 405 `method_not_allowed`':
    '応答できないオファーの通話は 400 `invalid_offer`、ほかのメソッドは 405 `method_not_allowed` で拒否する',
  'a telephone call can be accepted or rejected once: a second `accept` or `reject` is refused with 409 `decision_already_made`; `refer` before that, or of a call from a browser, with 400 `invalid_request`':
    '電話の着信に応答または拒否できるのは 1 回だけである。2 回目の `accept` または `reject` は 409 `decision_already_made` で拒否する。その前、またはブラウザーからの通話での `refer` は 400 `invalid_request` で拒否する',
  'Azure refuses the upgrade with 401 or 404 `DeploymentNotFound`':
    'Azure は、アップグレードを 401 または 404 `DeploymentNotFound` で拒否する',
  '`GET /v1/models` lists models with `shutdown_date`, a date or null; the models and dates are those of [`models.ts`](../../runtime/models/models.ts)':
    '`GET /v1/models` は、モデルの一覧を `shutdown_date`（日付または null）とともに返す。モデルと日付は [`models.ts`](../../../runtime/models/models.ts) のもの',
  '`created` is 0, `owned_by` is `system`; a retired model is not listed; an ephemeral key is refused with 401':
    '`created` は 0、`owned_by` は `system`。廃止されたモデルは一覧に含めない。一時キーは 401 で拒否する',
  '`/openai/realtime?api-version=` uses the names and shapes of the preview':
    '`/openai/realtime?api-version=` では、preview の名前と形を使う',
  'in the preview, `response.function_call_arguments.done` has no `name`':
    'preview の `response.function_call_arguments.done` には `name` がない',
  '`conversation.created` is sent in neither dialect':
    '`conversation.created` は、どちらの方言でも送信しない',
}

/** How it is known. */
export const sources: Readonly<Record<string, string>> = {
  'recording: all WebSocket sessions': '記録: WebSocket のすべてのセッション',
  'document: openai `realtime.d.ts`; livekit/agents `realtime_model.py`':
    '文書: openai `realtime.d.ts`、livekit/agents `realtime_model.py`',
  "assumed; the vendor's is longer": '仮定。実際の文面はもっと長い',
  'assumed; no limit is documented': '仮定。上限を示す文書はない',
  'recording: openai/test_agent_create_client_secret; assumed for Azure':
    '記録: openai/test_agent_create_client_secret。Azure は仮定',
  'document: OpenAI guide "Realtime conversations"': '文書: OpenAI のガイド「Realtime conversations」',
  'document: OpenAI community reports; livekit/agents #6157':
    '文書: OpenAI のコミュニティへの報告、livekit/agents #6157',
  'recording: openai/sideband, azure/sideband': '記録: openai/sideband、azure/sideband',
  'recording: all': '記録: すべて',
  'document: openai `realtime.d.ts`; the name of the code is assumed':
    '文書: openai `realtime.d.ts`。コードの名前は仮定',
  assumed: '仮定',
  'document: openai `realtime.d.ts`': '文書: openai `realtime.d.ts`',
  'document: OpenAI guide "Realtime conversations"; openai-agents-python #2370; the last code is assumed':
    '文書: OpenAI のガイド「Realtime conversations」、openai-agents-python #2370。最後のコードは仮定',
  'recording: test_message_history_seeding, OpenAI and Azure':
    '記録: test_message_history_seeding（OpenAI と Azure）',
  'recording: test_text_in_audio_out_turn, OpenAI and Azure':
    '記録: test_text_in_audio_out_turn（OpenAI と Azure）',
  'recording: azure, all WebSocket sessions': '記録: azure、WebSocket のすべてのセッション',
  'recording: openai/test_input_audio_retention_segments_three_server_vad_turns; azure, all':
    '記録: openai/test_input_audio_retention_segments_three_server_vad_turns、azure のすべて',
  'recording: test_tool_call_round, OpenAI and Azure': '記録: test_tool_call_round（OpenAI と Azure）',
  'recording: `gpt-realtime-2.1` in the same folder, which `npm run vendor` does not play':
    '記録: 同じフォルダーの `gpt-realtime-2.1`。`npm run vendor` では再生しない',
  'document: swigerb/SonicAIDriveThru, probe of Azure, 2026-09-24':
    '文書: swigerb/SonicAIDriveThru、Azure での観察、2026-09-24',
  'assumed: fixed rules, and four characters a token': '仮定: 固定の規則。4 文字を 1 トークンとする',
  'assumed: fixed rules': '仮定: 固定の規則',
  'recording: test_audio_in_server_vad_turn, test_audio_in_server_vad_transcribes':
    '記録: test_audio_in_server_vad_turn、test_audio_in_server_vad_transcribes',
  'assumed: energy': '仮定: 音の大きさで判定',
  'document: OpenAI guide "Voice activity detection"': '文書: OpenAI のガイド「Voice activity detection」',
  'document: openai `realtime.d.ts` for the longest waits; shorter ones are assumed':
    '文書: 最長の時間は openai `realtime.d.ts`。それより短いものは仮定',
  'recording: test_audio_in_server_vad_turn, OpenAI and Azure':
    '記録: test_audio_in_server_vad_turn（OpenAI と Azure）',
  'recording: azure/test_audio_in_server_vad_transcription_requires_deployment':
    '記録: azure/test_audio_in_server_vad_transcription_requires_deployment',
  'document: openai `realtime.d.ts`; its position is assumed': '文書: openai `realtime.d.ts`。送る順序は仮定',
  'document: OpenAI guide "Realtime transcription"; the text of the refusal is assumed':
    '文書: OpenAI のガイド「Realtime transcription」。拒否の文面は仮定',
  'document: OpenAI API reference; the ten minutes are assumed':
    '文書: OpenAI の API リファレンス。10 分は仮定',
  'document: OpenAI guide "Realtime with MCP"; the order is assumed':
    '文書: OpenAI のガイド「Realtime with MCP」。順序は仮定',
  'document: openai-agents-js `openaiRealtimeBase.ts`, which sends no `response.create`':
    '文書: `response.create` を送信しない openai-agents-js `openaiRealtimeBase.ts`',
  'recording: openai/test_create_client_secret, azure/test_azure_answer_webrtc_offer_records':
    '記録: openai/test_create_client_secret、azure/test_azure_answer_webrtc_offer_records',
  'recording: openai/test_answer_webrtc_offer, azure/test_azure_answer_webrtc_offer_records':
    '記録: openai/test_answer_webrtc_offer、azure/test_azure_answer_webrtc_offer_records',
  'document: pydantic-ai `docs/realtime/azure.md`': '文書: pydantic-ai `docs/realtime/azure.md`',
  'recording: openai/sideband__test_webrtc_sideband_audio_turn; assumed for Azure':
    '記録: openai/sideband__test_webrtc_sideband_audio_turn。Azure は仮定',
  'document: openai/openai-realtime-console #562': '文書: openai/openai-realtime-console #562',
  'document: probe of Azure, 2026-09-24; assumed for OpenAI':
    '文書: Azure での観察、2026-09-24。OpenAI は仮定',
  'document: openai `realtime.d.ts`; OpenAI guide "Realtime translation"':
    '文書: openai `realtime.d.ts`、OpenAI のガイド「Realtime translation」',
  'assumed: the simulator knows no languages': '仮定: シミュレーターは言語を理解しない',
  'document: OpenAI guide "Realtime translation"': '文書: OpenAI のガイド「Realtime translation」',
  'assumed for Azure': '仮定（Azure）',
  'assumed, as in conversations': '仮定: 会話と同じ',
  'document: a client on GitHub that received it; the code is assumed':
    '文書: この拒否を受けた GitHub のクライアント。コードは仮定',
  'document: OpenAI API reference, "End an active Realtime API call"; assumed for translations':
    '文書: OpenAI の API リファレンス「End an active Realtime API call」。翻訳は仮定',
  'document: openai `realtime.d.ts`; probes of live sockets, 2026-09-18':
    '文書: openai `realtime.d.ts`、実際の接続での観察、2026-09-18',
  'document: OpenAI API reference; BerriAI/litellm #40615':
    '文書: OpenAI の API リファレンス、BerriAI/litellm #40615',
  "assumed, as in OpenAI's other APIs": '仮定: OpenAI のほかの API と同じ',
  'document: probes of live sockets, 2026-09-18; the codes are assumed':
    '文書: 実際の接続での観察、2026-09-18。コードは仮定',
  'document: probes of live sockets, 2026-09-18': '文書: 実際の接続での観察、2026-09-18',
  'document: probe of Azure, 2026-09-24; the form of the 404 is assumed':
    '文書: Azure での観察、2026-09-24。404 の形式は仮定',
  'document: openai `beta/realtime`; Azure "Realtime API preview migration guide"':
    '文書: openai `beta/realtime`、Azure「Realtime API preview migration guide」',
  'recording: all GA sessions; document: rt-client, which does not know the event; a list of events received from OpenAI, m1guelpf/swift-realtime-openai #55':
    '記録: GA のすべてのセッション。文書: このイベントのない rt-client、OpenAI から受信したイベントの一覧（m1guelpf/swift-realtime-openai #55）',
  'document: openai `beta/realtime`; OpenAI was seen to send one in 2024 (WqyJh/go-openai-realtime #8)':
    '文書: openai `beta/realtime`。2024 年に OpenAI が送信したという観察がある（WqyJh/go-openai-realtime #8）',
  "assumed, as in OpenAI's Responses API, from which the text of the message is taken":
    '仮定: OpenAI の Responses API と同じ。メッセージの文面も Responses API のもの',
  'document: OpenAI API reference "List models"; openai `models.d.ts`':
    '文書: OpenAI の API リファレンス「List models」、openai `models.d.ts`',
}
