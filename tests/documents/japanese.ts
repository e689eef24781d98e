/** The Japanese texts of the generated tables. The English ones stand beside the settings themselves. */

import type { SettingName } from '../../infra/setting-table.ts'
import type { environment } from '../../runtime/config/environment.ts'
import type { ErrorCode, ErrorSubject } from '../../runtime/core/errors.ts'
import type { FailedCallCode } from './errors.ts'

/** What each environment variable means. */
export const variables: Readonly<Record<keyof typeof environment.shape, string>> = {
  HOST: '待ち受けるアドレス',
  PORT: '待ち受けるポート。0 では空いているポートを使う',
  WORKERS: '同じポートで動作するプロセスの数。接続はカーネルが振り分ける。auto ではコアごとに 1 つ',
  MEMORY_BUDGET_MB:
    'ツールのプロセスを含む、全プロセスの常駐メモリの合計の上限（MiB）。近づくと新しいセッションを拒否し、超えると、保持量の多いセッションを終了し、増加量の多いツールのプロセスを入れ替える。未設定ではコンテナーまたはマシンのメモリの 4 分の 3、0 は無制限',
  TLS_CERT_FILE:
    'PEM 形式の証明書チェーン。TLS_KEY_FILE とともに設定すると、このポートで https と wss を提供する',
  TLS_KEY_FILE: 'TLS_CERT_FILE に対応する PEM 形式の秘密鍵',
  CONTAINER_APP_REVISION: 'リビジョン名。ログ、メトリック、正常性チェックの応答に表示する',
  CONTAINER_APP_REPLICA_NAME: 'レプリカ名。ログ、メトリック、正常性チェックの応答に表示する',
  APPLICATION_GATEWAY_HOST:
    'ページがソケットを開くホスト。未設定ではページ自身のホスト。https:// で始まる場合は wss を使う',
  LOG_LEVEL: 'ログに記録する最低の重大度',
  AZURE_OPENAI_ENDPOINT:
    'Azure OpenAI のリソース。設定すると上流は Azure になる。2 つ目以降は、最初のものが使えないときに使う',
  AZURE_OPENAI_DEPLOYMENT_NAME: 'クライアントが使えるデプロイ。先頭が既定',
  AZURE_OPENAI_DEPLOYMENT: 'AZURE_OPENAI_DEPLOYMENT_NAME が未設定のときに使うデプロイ',
  AZURE_OPENAI_MODEL:
    '各デプロイのモデルとバージョン（gpt-realtime-1.5@2026-02-23）をデプロイの順に並べたもの。提供終了の警告と価格の判定に使う。未設定ではデプロイの名前で判断する',
  AZURE_OPENAI_API_KEY:
    'Azure OpenAI リソースのキー。リソースが複数の場合は、リソースごとに 1 つをコンマ区切りで指定する',
  AZURE_OPENAI_AUTH: 'Azure OpenAI への認証方法。auto では、キーがあればキー、なければ Entra ID を使う',
  AZURE_OPENAI_SCOPE: 'Entra トークンのスコープ。Azure の新しい文書では https://ai.azure.com/.default',
  AZURE_CLIENT_ID: '使用するユーザー割り当て ID のクライアント ID',
  IDENTITY_ENDPOINT: 'Container Apps と App Service が設定する。設定されていると、マネージド ID だけを使う',
  AZURE_FEDERATED_TOKEN_FILE: 'AKS が設定する。設定されていると、ワークロード ID だけを使う',
  AZURE_OPENAI_API_VERSION:
    'preview 形式のアドレスだけで使うバージョン。preview のバージョン、または 2025-08 より前の日付を指定すると preview 形式になる',
  OPENAI_API_KEY: 'OpenAI のキー。設定され、Azure のエンドポイントがなければ、上流は OpenAI になる',
  OPENAI_REALTIME_MODEL:
    'クライアントが使える OpenAI のモデル。先頭が既定。組み込みシミュレーターは、対応するすべてのモデルを受け付ける',
  OPENAI_BASE_URL: 'OpenAI API のアドレス',
  MODEL_ALIASES:
    'SDK 用のアドレスでクライアントが要求する、設定にないモデル名に対応付けるデプロイ。名前は glob で、最初に一致したものを使う',
  TRANSCRIPTION_MODELS:
    'クライアントが文字起こしに使えるモデル（Azure ではデプロイ名）。未設定では、CHAT_TRANSCRIPTION_MODEL のモデルと、ベンダーがあと 1 年以上提供するモデル。未設定の場合も、会話の中の文字起こしには、廃止されていないすべてのモデルを指定できる',
  TRANSLATION_MODELS: '/v1/realtime/translations で翻訳に使うモデル（Azure ではデプロイ名）。先頭が既定',
  TRANSLATION_CALLS_METERED:
    '翻訳の WebRTC 通話に参加し、秒数を数える。参加できると明記したベンダーの文書はない',
  SAFETY_IDENTIFIER:
    '上流に送る OpenAI-Safety-Identifier。クライアント自身のヘッダー、または呼び出し元の名前の SHA-256',
  HTTPS_PROXY: '上流への接続に使うフォワードプロキシ。ほかに外部への経路がないネットワーク向け',
  NO_PROXY: 'HTTPS_PROXY を経由せずに接続するホスト',
  UPSTREAM_CONNECT_TIMEOUT_MS: '上流セッションを開くまでの制限時間（ms）。再試行を含む',
  UPSTREAM_CIRCUIT_PAUSE_SEC: 'デプロイまたはエンドポイントが複数あるとき、失敗したものを使わない時間（秒）',
  UPSTREAM_BUFFER_MB: '接続中または低速の上流に対して保持する、送信待ちデータの上限（セッション当たり、MiB）',
  CLIENT_BUFFER_KB: '低速のクライアントへの送信待ちデータがこの量（KiB）に達すると、上流を一時停止する',
  UPSTREAM_STALL_TIMEOUT_MS:
    '回答の途中で上流の送信がこの時間（ms）止まると、接続を切断し、可能であればセッションを更新する',
  CLIENT_STALL_TIMEOUT_MS:
    'バッファーがいっぱいになった後、送信待ちの半分をこの時間（ms）内に受信しないクライアントを切断する',
  CLIENT_TURN_MS:
    '1 つのクライアントがイベントループを連続して占有できる時間（ms）。これを超えるか、ほかが待っている 1 秒間にその 10 倍を使うと、切断する。0 は無制限（負荷テスト用）',
  OTEL_EXPORTER_OTLP_ENDPOINT:
    'スパンとメトリックを OTLP over HTTP（JSON）で送信する OpenTelemetry コレクター。これも Azure Monitor も未設定の場合、トレースは無効',
  OTEL_EXPORTER_OTLP_HEADERS: 'コレクターへの送信に付けるヘッダー',
  OTEL_SERVICE_NAME: 'スパンとメトリックに付けるサービス名',
  APPLICATIONINSIGHTS_CONNECTION_STRING: 'スパンとメトリックを送信する Application Insights の接続文字列',
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING:
    'Application Insights に Entra ID で認証するための文字列。ID にはロール Monitoring Metrics Publisher が必要',
  TRACE_CONTENT: 'モデルの発言をテキストでスパンに含める。音声は含めない',
  RECORD_DIR:
    'セッションの記録（内容を伏せた JSON Lines。シミュレーターで再生できる）を保存するフォルダー。未設定では記録しない',
  RECORD_WORDS: '発言をテキストで記録に残す。音声と指示は残さない',
  SIMULATOR_RATE: '組み込みシミュレーターの音声の速さ。実時間に対する倍率。未設定ではシミュレーターの既定値',
  SIMULATOR_SEED: '組み込みシミュレーターの ID と音声を再現可能にするシード',
  CHAT_INSTRUCTIONS: '/chat のセッションの指示',
  CHAT_TRANSCRIPTION_MODEL:
    '/chat で利用者の発言を文字起こしするモデル。Azure では同じリソースのデプロイ名。none では文字起こししない',
  REALTIME_DIALECT:
    'クライアントが使う名前と形。auto では、SDK 用のアドレスは接続方法から判断したクライアントの方言、/realtime は上流の方言を使う。upstream は変換せず、ga と preview はその方言に固定する',
  REALTIME_PIN_SESSION:
    'ゲートウェイがセッション（/realtime、および /sideband/ephemeral-key のキーを使うもの）に与える指示とプロンプトテンプレートを、空にしてクライアントに送り、クライアントによる置き換えを拒否する',
  REALTIME_TEXT_ONLY: '音声の入力も出力も行わない',
  REALTIME_AUTO_CLOSE: '/realtime のセッションを最初の応答の後に終了する',
  REALTIME_VOICE: 'モデルの声',
  REALTIME_HEARTBEAT_SEC:
    'クライアントと上流の両方に対する ping の間隔（秒）。3 回続けて応答のない相手は切断する',
  REALTIME_MAX_MSG_MB:
    'どちらの方向でも受け付けるメッセージの最大サイズ（MiB）。SDK 用のアドレスでは、1 つの append に含まれる音声のサイズ。超えると 1009 で閉じる。クライアントからのメッセージが 2 倍を超えると、クローズフレームなしで切断する（1006）',
  REALTIME_MENU_PATH: '指示で使うメニューのファイル。runtime/ からの相対パス（既定は menu/menu.ts）',
  REALTIME_TEMPLATE_PATH:
    '指示の Jinja テンプレート。runtime/ からの相対パス（既定は prompt_templates/template.txt）',
  REALTIME_SCHEMA_PATH: '指示で使う応答スキーマのファイル。runtime/ からの相対パス',
  ASSISTANTS_DIR:
    'アシスタントのフォルダー。中の各フォルダーに assistant.yaml を置く。このプロジェクトのフォルダーからの相対パス（既定は assistants。なくてもよい）',
  ASSISTANTS_WATCH:
    'ファイルが変わるとアシスタントを読み直す。開いているセッションは、開始時の内容のまま続く。未設定では、HOST がループバックアドレスのときに有効',
  TOOLS_MEMORY_MB:
    '1 つのアシスタントのツールを実行するプロセスの常駐メモリの上限（MiB）。超えるとプロセスを入れ替え、実行中の呼び出しを中断する',
  REALTIME_TURN_DETECTION_TYPE: '発話の終わりを検出する方法。未設定ではモデルの既定',
  REALTIME_TURN_DETECTION_SERVER_THRESHOLD: 'server_vad が音声を検出するしきい値',
  REALTIME_TURN_DETECTION_SERVER_PREFIX_PADDING_MS: 'server_vad で、発話の前に含める音声の長さ（ms）',
  REALTIME_TURN_DETECTION_SERVER_SILENCE_DURATION_MS: 'server_vad で、発話の終わりとみなす無音の長さ（ms）',
  REALTIME_TURN_DETECTION_CREATE_RESPONSE: '発話が終わると自動的に応答する',
  REALTIME_TURN_DETECTION_INTERRUPT_RESPONSE: '発話が始まると応答を中断する',
  REALTIME_TURN_DETECTION_SEMANTIC_EAGERNESS: 'semantic_vad で、発話の終わりを判定する早さ',
  REALTIME_ALLOWED_EVENT_TYPES:
    '/realtime が通すイベントの種類（glob）。<binary> はバイナリフレームを、* はすべてを通す。既定は response.text.delta,response.text.done。回答が音声の場合は、その文字起こしも通す',
  REALTIME_EXTRACT_JSON_FROM_TEXT_TYPES:
    'テキストから JSON を抽出するイベントの種類（glob）。空では抽出しない',
  REALTIME_EXTRACT_FIELDS_MAP:
    'イベントの種類ごとの、JSON を探すフィールド。JSON を含む最初のフィールドを使う',
  REALTIME_EXTRACT_JSON_TEXT_FIELD:
    'REALTIME_EXTRACT_FIELDS_MAP にない種類のイベントで、JSON を探すフィールド',
  REALTIME_EXTRACT_JSON_STRATEGY: 'JSON を探す方法',
  REALTIME_EXTRACT_PICK:
    'JSON オブジェクトが複数あるときに使うもの。last では、本来の出力より前にある例を飛ばす',
  REALTIME_EXTRACT_ARRAYS: 'JSON の配列も抽出する。フェンスの外では、オブジェクトの配列だけ',
  REALTIME_EXTRACT_REPAIR:
    'モデルの出力の誤り（末尾のコンマ、コメント、引用符、Python のリテラル、エスケープされていない改行）を修正する。wrap では repaired の印を付ける',
  REALTIME_EXTRACT_SCHEMA_PATH:
    '抽出した JSON を検証する JSON Schema のファイル。runtime/ からの相対パス。適合しないオブジェクトは見つからなかったものとして扱い、理由に schema: と不適合の箇所のパスを示す',
  REALTIME_EXTRACT_OUTPUT_MODE: '抽出した JSON だけを送信するか、extracted.json イベントで包むか',
  REALTIME_EXTRACT_ON_FAIL: 'JSON が見つからなかったイベントの扱い',
  GATEWAY_AUTH:
    'クライアントの認証方法。未設定では、GATEWAY_API_KEYS があれば key、なければ none。公開アドレスで none を使うと警告する',
  GATEWAY_API_KEYS:
    'クライアントのキー。name:secret の組のコンマ区切り。name:sha256:HEX の形式では、シークレット自体を書かずに済む',
  ENTRA_TENANT_ID: 'トークンを受け付けるテナント',
  ENTRA_AUDIENCE: '受け付けるトークンの対象者。API のクライアント ID、またはアプリ ID URI',
  ENTRA_REQUIRED_SCOPE: '利用者のトークンに必要なスコープ（scp クレーム）',
  ENTRA_REQUIRED_ROLE: 'アプリケーションのトークンに必要な、スコープに代わるロール（roles クレーム）',
  ENTRA_OPERATOR_ROLE: '全呼び出し元の使用量を参照できる Entra ID のロール（roles クレーム）',
  ENTRA_PAGES_CLIENT_ID: '利用者がページからサインインするためのアプリ登録（シングルページアプリケーション）',
  ENTRA_AUTHORITY: 'サインインサービスのアドレス。各国のクラウドでは異なる',
  ENTRA_CLOCK_SKEW_SEC: 'トークンの時刻のずれの許容値（秒）',
  ALLOWED_ORIGINS:
    'ゲートウェイ自身のページのほかに、接続を許可するページのオリジン。* ではすべてのページを許可する',
  TRUSTED_PROXIES: 'X-Forwarded-For を信頼するプロキシのアドレスとネットワーク（CIDR）',
  TICKET_TTL_SEC: 'POST /ticket で取得するチケットの有効期間（秒）',
  LIMIT_SESSIONS_PER_CREDENTIAL: '1 つの資格情報で同時に開けるセッション。0 は無制限',
  LIMIT_SESSIONS_PER_ADDRESS:
    '1 つのアドレスから同時に開けるセッション。オフィスやモバイル網では、多くの利用者が 1 つのアドレスを共有する。0 は無制限',
  LIMIT_UPGRADES_PER_MINUTE_PER_CREDENTIAL:
    '1 つの資格情報で 1 分間に開けるセッション。ロールアウトの後は、すべてのクライアントが一斉に再接続する。0 は無制限',
  LIMIT_UPGRADES_PER_MINUTE_PER_ADDRESS:
    '1 つのアドレスから 1 分間に試行できるソケット。拒否されたものも数える。0 は無制限',
  LIMIT_REQUESTS_PER_MINUTE_PER_CREDENTIAL:
    '1 つの資格情報による 1 分間の POST と DELETE のリクエスト（チケット、キー、通話）。ブラウザーはソケットごとにチケットを取得する。0 は無制限',
  LIMIT_REQUESTS_PER_MINUTE_PER_ADDRESS:
    '1 つのアドレスから 1 分間に試行できる POST と DELETE のリクエスト。拒否されたものも数える。0 は無制限',
  LIMIT_REFUSALS_PER_MINUTE_PER_ADDRESS:
    '1 つのアドレスで 1 分間に拒否する資格情報の数。プロセスごとに数える。達すると、その 1 分が終わるまで、そのアドレスの資格情報を検査しない。0 は無制限',
  LIMIT_MESSAGES_PER_SECOND_PER_CREDENTIAL:
    '1 つの資格情報による 1 秒当たりのメッセージ。プロセスごとに数える。録音を可能な限り速く送る正当なクライアントもある。0 は無制限',
  LIMIT_MESSAGES_PER_SECOND_PER_ADDRESS:
    '1 つのアドレスからの 1 秒当たりのメッセージ。プロセスごとに数える。0 は無制限',
  LIMIT_STORED_ENTRIES_PER_OWNER:
    '1 つの資格情報（認証なしの場合は 1 つのアドレス）が同時にストアに保持できるチケット、一時キー、サイドバンドセッション、会話。0 は無制限',
  LIMIT_STORED_MB_PER_OWNER: '同じ対象の合計サイズ（MiB）。0 は無制限',
  LIMIT_TOKENS_PER_DAY_PER_CREDENTIAL: '1 つの資格情報が 1 日（UTC）に使えるモデルのトークン。0 は無制限',
  LIMIT_TOKENS_PER_DAY_PER_ADDRESS: '1 つのアドレスが 1 日（UTC）に使えるモデルのトークン。0 は無制限',
  LIMIT_COST_PER_DAY_PER_CREDENTIAL:
    '1 つの資格情報の 1 日（UTC）の費用の見積もりの上限。通貨は PRICES_FILE に従う。0 は無制限',
  LIMIT_COST_PER_DAY_PER_ADDRESS:
    '1 つのアドレスの 1 日（UTC）の費用の見積もりの上限。通貨は PRICES_FILE に従う。0 は無制限',
  LIMIT_SESSION_MINUTES: 'セッションの最長時間（分）。0 は無制限',
  LIMIT_WRAP_UP_SEC: 'セッションの終了をモデルとクライアントに予告する時期。最長時間の何秒前かを指定する',
  PRICES_FILE:
    'モデルの価格を記載した YAML ファイル。runtime/ からの相対パス（既定は usage/prices.yaml）。費用は見積もり',
  OPERATORS:
    '全呼び出し元の使用量を参照できる呼び出し元（key:NAME、entra:TENANT/OBJECT、GATEWAY_AUTH がなければ anonymous）',
  EVENTS_WEBHOOK_URL: 'セッションと会話の終了を署名付きで通知する宛先。未設定ではログに記録するだけ',
  EVENTS_WEBHOOK_SECRET:
    'EVENTS_WEBHOOK_URL の署名シークレット。ローテーション中はコンマ区切りで複数を指定できる',
  REDIS_URL:
    'レプリカが共有する Redis。パスワードを含む URL はシークレットとして扱う。未設定では状態をメモリに置き、レプリカは 1 つだけ',
  REDIS_AUTH: 'Redis への認証方法。REDIS_URL の情報、または Entra ID（Azure Managed Redis）',
  SCALE_SESSIONS_PER_REPLICA:
    '満杯とみなすレプリカのセッション数。使用度合いを、満杯のレプリカ 1 つにつき 10 要素の Redis リストとして公開し、オートスケーラーが読み取る。REDIS_URL が必要。0 では公開しない',
  SIDEBAND_WEBRTC_FILTER: 'Azure で、ブラウザーのデータチャネルから指示とツールを隠す',
  SIDEBAND_PIN_SESSION: 'ブラウザーが通話の指示、ツール、プロンプトテンプレートを変更すると、元に戻す',
  SIDEBAND_SESSION_TTL_SEC: '最後の動作の後、サイドバンドセッションを保持する時間（秒）',
  OPENAI_WEBHOOK_SECRET:
    '電話の着信を通知する Webhook の署名シークレット。ローテーション中はコンマ区切りで複数を指定できる。未設定では /webhooks/realtime を提供しない',
  CALLS_POLICY:
    '電話の着信への対応。accept は CALLS_SESSION_PATH のセッションで、assistant:NAME はアシスタントのセッションで応答し、reject は拒否する。拒否には SIP ステータスを指定できる（既定は 603）。コンマ区切りの規則で、着信先の番号または SIP ヘッダーごとに指定できる（例: +15550199=assistant:cafe,X-Tenant:acme*=accept,*=reject:404）。最初に一致した規則に従い、どれにも一致しない着信は 404 で拒否する',
  CALLS_SESSION_PATH:
    '応答した電話のセッションの JSON ファイル。API の accept が受け取る形式で、runtime/ からの相対パス。未設定では CHAT_INSTRUCTIONS、REALTIME_VOICE、先頭のデプロイを使う',
  CALLS_GREETING:
    '電話に応答した直後に話す内容の指示。たとえば「あいさつをして用件を尋ねる」。未設定では発信者が先に話す',
  CALLS_CONTROL:
    'ゲートウェイが作成していない通話への応答、転送、拒否、終了と、Webhook で通知された通話の参照と制御ができる呼び出し元（key:NAME、entra:TENANT/OBJECT、GATEWAY_AUTH がなければ anonymous）',
  DRAIN_LAME_DUCK_MS:
    'SIGTERM から終了までの最短時間（ms）。その間は HTTP に応答し、アップグレードを拒否する',
  DRAIN_DEADLINE_MS: 'SIGTERM から、最後のセッションを終了するまでの時間（ms）',
}

/** What each stack setting means, and what it may be. */
export const stackSettings: Readonly<Record<SettingName, readonly [meaning: string, allowed: string]>> = {
  prefix: ['すべての名前の接頭辞', '小文字と数字 3～12 文字、先頭は小文字'],
  location: ['モデル以外のすべてを配置するリージョン', 'swedencentral などのリージョン'],
  openAiLocation: [
    'Azure OpenAI アカウントのリージョン。空では location と同じ',
    '空、または swedencentral などのリージョン',
  ],
  zoneRedundant: [
    '環境、Application Gateway、パブリック IP、Redis を 3 つのゾーンに分散する',
    'true または false',
  ],
  minReplicas: [
    '常に動作するレプリカの数。0 では、リクエストのない時間が続くとゼロまで縮小し、次の接続がコールドスタートを待つ。正常性チェックもリクエストなので、gatewayProbeInterval を十分に長くする必要がある',
    '0～1000 の整数',
  ],
  maxReplicas: ['1 つのリビジョンの最大レプリカ数', '1～1000 の整数'],
  cooldownPeriod: [
    '最後のレプリカからゼロへ縮小するまでの、負荷のない秒数。ほかの縮小は待たない',
    '30～3600 の整数',
  ],
  pollingInterval: ['負荷を調べる間隔（秒）', '5～300 の整数'],
  containerCpu: [
    'レプリカの vCPU。2 つのプロセスで分担する。メモリの GiB 数は vCPU の 2 倍',
    '0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2',
  ],
  containerTargetPort: [
    'コンテナーのポート。すべてのリビジョンに共通で、最初の更新で決まる',
    '1024～65535 の整数',
  ],
  terminationGracePeriodSeconds: [
    'SIGTERM から SIGKILL までの秒数。ドレインはその 5 秒前に終わる',
    '10～600 の整数',
  ],
  sessionsPerReplica: [
    '満杯とみなすレプリカのセッション数。レプリカは、開いているセッションの数とイベントループの遅延から求めた使用度合いを Redis に公開し、オートスケーラーがそれに応じてレプリカを増減する。そのために Redis のアクセスキーを作成する。0 では CPU とメモリだけで増減する',
    '0～100000 の整数',
  ],
  registrySku: ['コンテナーレジストリのサイズ', 'Basic, Standard, Premium'],
  registryId: ['作成せずに使う既存のレジストリ', '空、またはコンテナーレジストリのリソース ID'],
  openAiDeploymentName: ['モデルのデプロイの名前', '2～64 文字の英数字、ドット、ハイフン'],
  openAiModelName: ['モデル', 'gpt-realtime-1.5 などのモデル名'],
  openAiModelVersion: ['モデルのバージョン', '2026-02-23 などの日付'],
  openAiDeploymentSku: [
    'デプロイの種類。この文書の作成時点で、realtime のモデルは GlobalStandard だけ',
    'GlobalStandard, DataZoneStandard, Standard',
  ],
  openAiDeploymentCapacity: [
    '容量（ユニット数）。gpt-realtime-1.5 の 1 ユニットは毎分 10,000 トークンと 20 リクエストで、新しいサブスクリプションには 10 ユニットある',
    '1～10000 の整数',
  ],
  openAiFailoverLocations: [
    'モデルの追加リージョン。それぞれにアカウントとデプロイを作成し、この順にフェールオーバーする',
    'eastus2 などのリージョンのコンマ区切り',
  ],
  openAiAccountIds: [
    '作成せずに使う既存の Azure OpenAI アカウント（フェールオーバーの順）。それぞれに openAiDeploymentName と transcriptionDeploymentName のデプロイが必要',
    'Cognitive Services アカウントのリソース ID のコンマ区切り',
  ],
  openAiAuth: [
    'モデルへの認証方法。マネージド ID、またはプログラムが読み取るアカウントのキー',
    'identity, key',
  ],
  transcriptionDeploymentName: [
    '/chat で利用者の発言を文字起こしする、同じアカウントのデプロイ。そのモデルのないリージョンでは空にする。空では作成しない',
    '空、または 2～64 文字の英数字、ドット、ハイフン',
  ],
  transcriptionModelName: ['文字起こしのモデル', 'gpt-4o-mini-transcribe などのモデル名'],
  transcriptionModelVersion: ['文字起こしのモデルのバージョン', '2025-12-15、001 などのバージョン'],
  transcriptionDeploymentSku: [
    '文字起こしのデプロイの種類。この文書の作成時点で、既定のモデルは GlobalStandard だけ',
    'GlobalStandard, DataZoneStandard, Standard',
  ],
  transcriptionDeploymentCapacity: ['文字起こしのデプロイの容量（モデルのユニット数）', '1～10000 の整数'],
  openAiApiKey: [
    'マネージド ID の代わりに使う、openAiAccountIds のキー。アカウントごとに 1 つをコンマ区切りで指定する',
    '空、または空白を含まない 16～2560 文字',
  ],
  gatewayAuth: [
    'クライアントの認証方法。空の場合、スタック dev では key（gatewayApiKeys がなければキーを生成）、ほかのスタックではエラー',
    '空, none, key, entra, key,entra',
  ],
  gatewayApiKeys: [
    'gatewayAuth が key のときのクライアントのキー',
    '空、または name:secret の組のコンマ区切り。シークレットは 8 文字以上',
  ],
  webhookSecret: [
    '電話の着信を通知する Webhook の署名シークレット。ベンダーが表示したとおりに指定する。ローテーション中は複数を指定できる。着信への対応は variables の CALLS_POLICY で決める',
    '空、またはシークレットのコンマ区切り。それぞれ whsec_ と base64、または 16 文字以上のテキスト',
  ],
  eventsWebhookUrl: [
    'セッションと会話の終了を通知する宛先。eventsWebhookSecret で署名する',
    '空、または https:// のアドレス',
  ],
  eventsWebhookSecret: [
    'eventsWebhookUrl の署名シークレット。ローテーション中は複数を指定できる',
    '空、またはシークレットのコンマ区切り。それぞれ whsec_ と base64',
  ],
  assistantSecrets: [
    'アシスタントのツールが使う変数。名前は assistant.yaml の env に従う。それぞれ Key Vault に保存する',
    '空、または {"STRIPE_KEY":"sk_…"} などの文字列の JSON オブジェクト',
  ],
  entraTenantId: ['gatewayAuth が entra のときに、トークンを受け付けるテナント', '空、または GUID'],
  entraAudience: ['トークンの対象者。API のクライアント ID、またはアプリ ID URI', 'コンマ区切り'],
  entraRequiredScope: ['利用者のトークンに必要なスコープ', '空、またはスコープ名'],
  entraRequiredRole: ['アプリケーションのトークンに必要なロール', '空、またはロール名'],
  entraPagesClientId: [
    '利用者がページからサインインするためのアプリ登録（シングルページアプリケーション）',
    '空、または GUID',
  ],
  allowedOrigins: [
    'ゲートウェイ自身のページのほかに、接続を許可するページのオリジン',
    'https://app.example.com などのコンマ区切り',
  ],
  clientRanges: [
    '公開アドレスへの接続を許可する範囲',
    'Internet、または 203.0.113.0/24 などの IPv4 ネットワークのコンマ区切り',
  ],
  gatewaySku: [
    'Application Gateway の種類。Web アプリケーションファイアウォールなし、またはあり',
    'Standard_v2, WAF_v2',
  ],
  gatewayMinCapacity: [
    'Application Gateway の最小インスタンス数。縮小すると、猶予期間の後にソケットが切れる',
    '1～125 の整数',
  ],
  gatewayMaxCapacity: ['Application Gateway の最大インスタンス数', '2～125 の整数'],
  gatewayProbeInterval: [
    'Application Gateway の正常性チェックの間隔（秒）。チェックもリクエストであり、レプリカのないアプリを起動する',
    '11～86400 の整数',
  ],
  firewallMode: [
    'WAF_v2 のファイアウォールで、規則に一致したリクエストを拒否するか、記録だけにするか',
    'Prevention, Detection',
  ],
  requestTimeout: ['データの流れないソケットを Application Gateway が閉じるまでの秒数', '60～86400 の整数'],
  drainTimeoutInSec: ['Application Gateway の更新の後、開いているソケットを維持する秒数', '1～3600 の整数'],
  idleTimeoutInMinutes: ['パケットのない接続をパブリック IP が破棄するまでの分数', '4～30 の整数'],
  tlsCertificateSecretId: [
    'Key Vault にある証明書。空では TLS なしのポート 80',
    '空、またはバージョンを含まない Key Vault のシークレット ID',
  ],
  keyVaultResourceGroup: [
    '証明書の Key Vault のリソースグループ',
    '空、または同じサブスクリプションのリソースグループ',
  ],
  hostName: ['証明書のホスト名。空ではパブリック IP の DNS 名', '空、またはホスト名'],
  dnsZoneId: [
    'hostName が属する Azure の DNS ゾーン。パブリック IP へのレコードを作成する',
    '空、または DNS ゾーンのリソース ID',
  ],
  network: [
    'private では、レジストリ、モデル、Key Vault、ログの公開アドレスを閉じ、プライベートエンドポイントで接続する。ブラウザーは WebRTC でモデルに接続できなくなる',
    'public, private',
  ],
  networkRange: ['ネットワークのアドレス範囲', '10.20.0.0/16 などの IPv4 ネットワーク'],
  gatewayRange: ['Application Gateway のサブネットのアドレス範囲', '10.20.0.0/24 などの IPv4 ネットワーク'],
  appsRange: [
    'Container Apps のサブネットのアドレス範囲。/27 以上。ロールアウト中はレプリカが 2 倍になり、後から変更できない',
    '10.20.1.0/24 などの IPv4 ネットワーク',
  ],
  endpointsRange: [
    'プライベートエンドポイントのサブネットのアドレス範囲',
    '10.20.2.0/27 などの IPv4 ネットワーク',
  ],
  gatewaySubnetId: [
    'Application Gateway 用の既存のサブネット（セキュリティグループ付き）。アドレス範囲は gatewayRange に書く',
    '空、またはサブネットのリソース ID',
  ],
  appsSubnetId: [
    'Container Apps 用の既存のサブネット（Microsoft.App/environments に委任済み）。アドレス範囲は appsRange に書く',
    '空、またはサブネットのリソース ID',
  ],
  endpointsSubnetId: ['プライベートエンドポイント用の既存のサブネット', '空、またはサブネットのリソース ID'],
  ingress: [
    'Container Apps のプロキシ。default は、プラットフォームが随時入れ替える共有のもの。premium は、接続を 1 時間かけてドレインする専用の 2 台以上',
    'default, premium',
  ],
  keyVaultId: [
    '作成せずに使う、スタックのシークレットを保存する既存の Key Vault（RBAC）',
    '空、または Key Vault のリソース ID',
  ],
  logWorkspaceId: [
    '作成せずに使う既存の Log Analytics ワークスペース',
    '空、またはワークスペースのリソース ID',
  ],
  logDailyQuotaGb: ['1 日のログの上限（GB）。超えた分は翌日まで破棄される。0 は無制限', '0～1000 の整数'],
  tracing: [
    'ゲートウェイのスパンとメトリックを、ワークスペースの Application Insights コンポーネントに送る。ゲートウェイの ID からだけ受け付ける。off では作成しない',
    'on, off',
  ],
  otlpHeaders: [
    'variables の OTEL_EXPORTER_OTLP_ENDPOINT が指すコレクターへの送信に付けるヘッダー',
    '空、または name=value の組のコンマ区切り。値はパーセントエンコードする',
  ],
  monthlyBudget: [
    '1 か月の予算（サブスクリプションの通貨）。80 % と 100 % で alertEmail に通知する。0 では予算なし',
    '0～1000000 の整数',
  ],
  imageRef: [
    'ビルドせずに動かす既存のイメージ',
    '空、またはダイジェストで固定したイメージ host/name@sha256:…',
  ],
  traffic: [
    'リビジョンの重みとラベル。空では動作中の重みを維持し、新しいリビジョンは重み 0、ラベル next になる',
    '{revision, weight, label} のリスト。revision には newest も指定できる',
  ],
  variables: [
    'ほかの設定が作らない、REALTIME_VOICE などのコンテナーの環境変数。値を変えると新しいリビジョンになる',
    '{name, value} のリスト。値はゲートウェイが受け付けるもの。シークレットは書かない',
  ],
  redis: ['レプリカの状態を共有する Redis。auto では、maxReplicas が 1 を超えると作成する', 'auto, on, off'],
  redisSku: ['Azure Managed Redis のサイズ', 'Balanced_B0 など'],
  alertEmail: ['アラートの送信先。空ではポータルに表示するだけ', '空、またはメールアドレス'],
}

/** What each error code means, and what to do. */
export const errors: Readonly<Record<ErrorCode, readonly [meaning: string, action: string]>> = {
  bad_request: [
    'フィールド、ヘッダー、クエリパラメーターのいずれかがない、または誤っている。',
    'メッセージが示す箇所を修正する。',
  ],
  model_not_configured: [
    '要求されたモデルが設定にない。',
    'メッセージが示すモデルを指定する。または設定に追加する（`OPENAI_REALTIME_MODEL`、`AZURE_OPENAI_DEPLOYMENT_NAME`、`TRANSCRIPTION_MODELS`、`TRANSLATION_MODELS`、`MODEL_ALIASES`）。',
  ],
  not_json: ['本文またはメッセージが JSON でない。', 'JSON を送信する。'],
  unsupported_media_type: [
    'リクエストの `Content-Type` を受け付けない。',
    'メッセージが示す種類で送信する。',
  ],
  conflict: [
    'リクエストが、セッション、通話、会話の状態に合わない。終了した、通話がまだない、別のアシスタントに属する、のいずれか。',
    'メッセージを確認する。終了していれば、新しいセッションを始める。',
  ],
  resumed_elsewhere: [
    '別の接続が、同じチケットでこの会話を引き継いだ。',
    '再接続しない。会話は別の接続にある。',
  ],
  call_not_found: ['通話が終了した、または存在しない。', '新しい通話を始める。'],
  unauthorized: [
    '資格情報がない、誤っている、期限切れ、または使用済み。',
    '有効な資格情報を送信する。チケットを取得し直す。',
  ],
  forbidden: [
    '資格情報は有効だが、許可されない操作である。別のオリジン、別のアシスタント、固定された指示、別の呼び出し元の通話など。',
    '別の資格情報を使う。またはメッセージが示す部分を省く。',
  ],
  access_unavailable: ['Entra トークンを検証する鍵を取得できない。', '`Retry-After` の後に再試行する。'],
  limit_reached: [
    'この資格情報またはアドレスの制限（`LIMIT_…`）に達した。',
    '`Retry-After` の後に再試行する。またはメッセージが示す制限を引き上げる。',
  ],
  not_found: ['パス、セッション、アシスタントのいずれかが存在しない。', 'アドレスと名前を確認する。'],
  method_not_allowed: ['パスは存在するが、メソッドが異なる。', 'パスの説明にあるメソッドを使う。'],
  upgrade_required: ['パスは WebSocket だが、リクエストがアップグレードでない。', 'WebSocket を開く。'],
  draining: ['レプリカがシャットダウン中である。', '再接続する。別のレプリカが応答する。'],
  client_silent: [
    'クライアントが、`REALTIME_HEARTBEAT_SEC` の間隔で送る ping に 3 回続けて応答しなかった。または、アップグレードの応答を受け取る前か、リクエスト本文を送り終える前に切断した。',
    'チケットがあれば、それを使って再接続する。',
  ],
  client_too_fast: [
    'このクライアントのメッセージがイベントループを占有しすぎた（`CLIENT_TURN_MS`）、または速すぎた（`LIMIT_MESSAGES_PER_SECOND_…`）。',
    '間隔を空けて送信する。',
  ],
  client_too_slow: [
    'クライアントの読み取りが遅すぎる。キューがいっぱいになった、または `CLIENT_STALL_TIMEOUT_MS` の間いっぱいのままだった。',
    '速く読み取る。または受け取るイベントを減らす。',
  ],
  message_too_big: [
    'メッセージまたは本文が上限を超えた（`REALTIME_MAX_MSG_MB`）。',
    'メッセージを小さくする。音声を分割する。',
  ],
  upstream_too_slow: [
    '上流への送信待ちが `UPSTREAM_BUFFER_MB` を超えた。',
    '一度に送信する量を減らし、再接続する。',
  ],
  upstream_silent: [
    '上流が ping に応答しなかった、または回答の途中で止まった（`UPSTREAM_STALL_TIMEOUT_MS`）。',
    '再接続する。`/chat` と `/realtime` では、先にゲートウェイがセッションを更新する。',
  ],
  upstream_timeout: [
    '`UPSTREAM_CONNECT_TIMEOUT_MS` 以内に上流セッションを開けなかった。',
    '再試行する。ゲートウェイと上流の間のネットワークを確認する。',
  ],
  upstream_unreachable: [
    '上流が接続を拒否した、または名前を解決できない。',
    'エンドポイント、DNS、ファイアウォールを確認する。',
  ],
  upstream_unavailable: [
    '上流が 5xx を返した。',
    '再試行する。2 つ目のエンドポイントまたはデプロイを追加する。',
  ],
  upstream_rate_limited: [
    '上流が 429 を返した。',
    '`Retry-After` の後に再試行する。クォータを引き上げる、または 2 つ目のエンドポイントかデプロイを追加する。',
  ],
  upstream_refused: [
    '上流がセッションを拒否した。キーの誤り、ロールの不足、未知のモデルなど。',
    'ゲートウェイの資格情報またはモデルを修正する。',
  ],
  settings_refused: [
    '上流が、ゲートウェイまたはアシスタントのセッション設定を拒否した。',
    'メッセージが示す設定を修正する。',
  ],
  upstream_lost: [
    '上流への接続が切れた。',
    '再接続する。`/chat` と `/realtime` では、先にゲートウェイがセッションを更新する。',
  ],
  upstream_broke_protocol: [
    '上流が無効なデータを送信した。UTF-8 でない、JSON でない、大きすぎる、のいずれか。',
    '再接続する。ログの該当行を添えて報告する。',
  ],
  memory_exhausted: [
    'ゲートウェイがメモリの予算（`MEMORY_BUDGET_MB`）に近い。',
    '`Retry-After` の後に再試行する。レプリカまたはメモリを追加する。',
  ],
  store_unavailable: ['Redis またはスーパーバイザーが応答しない。', '再試行する。`REDIS_URL` を確認する。'],
  credential_unavailable: [
    'ゲートウェイが、上流のための Entra トークンを取得できなかった。',
    'マネージド ID または `az login` を確認する。理由はメッセージにある。',
  ],
  internal: [
    'ゲートウェイの内部エラー。',
    '再接続する。ログの該当行（`connection.failed`）を添えて報告する。',
  ],
}

/** Sections of the error codes. */
export const errorSubjects: Readonly<Record<ErrorSubject, readonly [heading: string, introduction: string]>> =
  {
    request: ['リクエストとメッセージ', 'クライアントが送信した内容の誤りです。クライアントが修正できます。'],
    access: ['認証とアクセス', 'クライアントの資格情報、またはその検証に原因があります。'],
    limits: [
      'クライアントの制限',
      'クライアントの送信が多すぎる、または速すぎる場合と、受信や応答が遅すぎる場合のエラーです。',
    ],
    session: [
      'セッション、会話、通話',
      '対象のセッション、会話、通話が終了しているか、ほかに移っているか、別の状態にあります。',
    ],
    upstream: [
      '上流',
      '上流が拒否したか、失敗したか、接続できません。クライアントにできるのは再試行だけで、原因はゲートウェイの運用担当者が取り除きます。',
    ],
    gateway: ['ゲートウェイとストア', 'ゲートウェイまたはストアが、現在はリクエストを処理できません。'],
  }

/** What the code of a failed call of a tool means, and what to do. */
export const failedCalls: Readonly<Record<FailedCallCode, readonly [meaning: string, action: string]>> = {
  unknown_tool: [
    'この名前のツールがアシスタントにない。',
    '指示の中では、ファイルの名前どおりにツールを書く。',
  ],
  invalid_arguments: [
    '引数が JSON でない、または `parameters` に適合しない。',
    'メッセージがフィールドを示すので、モデルはやり直せる。頻繁に起こる場合は、パラメーターの説明を改善する。',
  ],
  arguments_too_large: [
    '引数が 64 KiB を超えた。',
    '長いテキストの代わりに ID を受け取るなど、引数を小さくする。',
  ],
  incomplete: ['引数が完成する前に回答が途切れた。', '不要。モデルはツールを呼び出し直せる。'],
  cancelled: [
    '回答の中断またはセッションの終了により、結果が不要になった。',
    '不要。`signal` を渡しておくと、実行中の処理も止まる。',
  ],
  too_many_calls: ['同時に実行中の呼び出しが多すぎる。', 'ツールを速くする。または呼び出しの回数を減らす。'],
  tool_calls_per_minute: [
    '1 分間の呼び出しが、会話の上限 `tool_calls_per_minute` を超えた。',
    '意図した回数であれば、`assistant.yaml` の値を引き上げる。',
  ],
  tool_rounds: [
    '1 ターンの中でツールを呼び出した回答の数が、上限 `tool_rounds` を超えた。',
    '意図した回数であれば、`assistant.yaml` の値を引き上げる。そうでなければ、指示を修正する。',
  ],
  tool_unavailable: [
    'ツールのプロセスまたは MCP サーバーが動作していない。',
    '終了した理由をログ（`tool.host.ended`）で調べる。MCP サーバーのアドレスを確認する。',
  ],
  timeout: [
    'ツールが `timeoutMs` 以内に終わらなかった。',
    'ツールを速くするか、`timeoutMs` を延ばす。待つ処理に `signal` を渡す。',
  ],
  interrupted: [
    '呼び出しの途中でツールのプロセスまたはレプリカが終了した、または MCP サーバーの応答を読み取れなかった。モデルには `may_have_run` も伝わる。',
    '2 回実行してもよいツールでは `idempotent: true` を設定する。この場合は、もう一度実行される。',
  ],
  store_unavailable: [
    'ストアが応答せず、呼び出しまたは結果を記録できない。',
    '`REDIS_URL` を確認する。モデルは後でやり直せる。',
  ],
  tool_failed: [
    'ツールが例外をスローした。`ToolError` の場合は、そのメッセージがモデルに伝わる。',
    'ほかのエラーはログで調べる。',
  ],
  invalid_output: [
    '結果が JSON でない、またはプロセスやサーバーが返せる大きさを超えた。',
    'もっと小さい JSON の値を返す。',
  ],
  output_too_large: ['結果が 64 KiB を超えた。', '結果を小さくする。'],
  state_not_object: [
    '`conversation.update` の関数が JSON オブジェクトを返さなかった。状態は変わらない。',
    '新しい状態の全体をオブジェクトで返す。',
  ],
  state_too_large: ['会話の状態が 64 KiB を超えた。状態は変わらない。', '状態に入れるものを減らす。'],
}
