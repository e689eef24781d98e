/** The Japanese texts of the generated tables. The English ones stand beside the settings themselves. */

import type { SettingName } from '../../infra/setting-table.ts'
import type { environment } from '../../runtime/config/environment.ts'

/** What each environment variable means. */
export const variables: Readonly<Record<keyof typeof environment.shape, string>> = {
  HOST: '待ち受けるアドレス',
  PORT: '待ち受けるポート。0 なら空いているもの',
  WORKERS: '同じポートで動くプロセスの数。接続はカーネルが振り分ける。auto はコアごとに一つ',
  MEMORY_BUDGET_MB:
    '全プロセス合計の常駐メモリ(MiB)。近づくと新しいセッションを断り、超えると最も多く抱えるセッションから終わりにする。未設定はコンテナ(なければマシン)のメモリの四分の三、0 は無制限',
  TLS_CERT_FILE: 'PEM 証明書チェーン。TLS_KEY_FILE とそろえば、このポートは https と wss になる',
  TLS_KEY_FILE: 'TLS_CERT_FILE の PEM 秘密鍵',
  CONTAINER_APP_REVISION: 'リビジョン名。ログ、メトリクス、生存確認に現れる',
  CONTAINER_APP_REPLICA_NAME: 'レプリカ名。ログ、メトリクス、生存確認に現れる',
  APPLICATION_GATEWAY_HOST:
    'ページ自身のホストに代えて、ページがソケットを開くホスト。https:// で始まれば wss',
  LOG_LEVEL: '記録する最も低い重大度',
  AZURE_OPENAI_ENDPOINT:
    'Azure OpenAI のリソース。設定すると上流は Azure。カンマのあとに続くものは、最初のものが使えないときに引き継ぐ',
  AZURE_OPENAI_DEPLOYMENT_NAME: 'クライアントが使えるデプロイ。最初のものが既定',
  AZURE_OPENAI_DEPLOYMENT: 'AZURE_OPENAI_DEPLOYMENT_NAME が未設定のときに使う',
  AZURE_OPENAI_MODEL:
    '各デプロイのモデルとその版(gpt-realtime-1.5@2026-02-23)をデプロイの順に。提供終了の警告だけが読む。未設定ならデプロイの名前で判断する',
  AZURE_OPENAI_API_KEY: 'Azure OpenAI リソースのキー。複数なら一つずつ、カンマ区切り',
  AZURE_OPENAI_AUTH: 'Azure OpenAI への身元の示しかた。auto はキーがあればキー、なければ Entra ID',
  AZURE_OPENAI_SCOPE: 'Entra トークンの対象。新しい文書では https://ai.azure.com/.default',
  AZURE_CLIENT_ID: '使うユーザー割り当て ID のクライアント ID',
  IDENTITY_ENDPOINT: 'Container Apps と App Service が設定する。このときはマネージド ID だけに尋ねる',
  AZURE_FEDERATED_TOKEN_FILE: 'AKS が設定する。このときはワークロード ID だけに尋ねる',
  AZURE_OPENAI_API_VERSION:
    'preview 形式のアドレスのためだけの設定。preview の版、または 2025-08 より前の日付で preview 形式になる',
  OPENAI_API_KEY: 'OpenAI のキー。これがあり Azure のエンドポイントがなければ、上流は OpenAI',
  OPENAI_REALTIME_MODEL:
    'クライアントが使える OpenAI のモデル。最初のものが既定。組み込みシミュレーターは知っているモデルをすべて受け付ける',
  OPENAI_BASE_URL: 'OpenAI API のアドレス',
  MODEL_ALIASES:
    'SDK のアドレスでクライアントが求める、設定にないモデル名に当てるデプロイ。グロブで、最初に一致したものが勝つ',
  TRANSCRIPTION_MODELS:
    '発言の書き起こしにクライアントが使えるモデル（Azure ではデプロイ名）。未設定なら CHAT_TRANSCRIPTION_MODEL と、ベンダーがあと一年以上提供するもの。そのとき会話では、廃止されていないものすべてを指定できる',
  TRANSLATION_MODELS:
    '/v1/realtime/translations で翻訳するモデル（Azure ではデプロイ名）。最初のものがデフォルト',
  SAFETY_IDENTIFIER:
    '上流に伝える OpenAI-Safety-Identifier。クライアント自身のヘッダーか、呼び出した人の名前の SHA-256',
  UPSTREAM_CONNECT_TIMEOUT_MS: '再試行を含め、上流セッションができるまでの時間',
  UPSTREAM_CIRCUIT_PAUSE_SEC: 'デプロイやエンドポイントが複数あるとき、失敗したものを避ける時間',
  UPSTREAM_BUFFER_MB: '開きかけの、または遅い上流を待てるバイト数(セッションあたり MiB)',
  CLIENT_BUFFER_KB: '遅いクライアントを待つバイト数がこれに達すると上流を一時停止する(KiB)',
  UPSTREAM_STALL_TIMEOUT_MS:
    '答えの途中でこれだけ何も言わない上流は見切りをつけ、できるところではセッションを新しくする',
  CLIENT_STALL_TIMEOUT_MS:
    'バッファーがいっぱいになってから、待っている分の半分をこの時間内に受け取らないクライアントは終わりにする',
  CLIENT_TURN_MS:
    'クライアント 1 つが休みなくイベントループを占有できる時間(ms)。これを超えるか、ほかが待つ 1 秒のうちにその 10 倍を使うと、その接続を切断する。0 は無制限(負荷試験用)',
  OTEL_EXPORTER_OTLP_ENDPOINT:
    'スパンとメトリックを OTLP over HTTP(JSON)で送る OpenTelemetry コレクター。これも Azure Monitor も未設定ならトレースは無効',
  OTEL_EXPORTER_OTLP_HEADERS: 'コレクターへの送信に付けるヘッダー',
  OTEL_SERVICE_NAME: 'スパンとメトリックでのサービス名',
  APPLICATIONINSIGHTS_CONNECTION_STRING: 'スパンとメトリックを送る Application Insights の接続文字列',
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING:
    'Application Insights に Entra ID で認証する。ID にはロール Monitoring Metrics Publisher が必要',
  TRACE_CONTENT: 'モデルの発話をテキストでスパンに含める。音声は含めない',
  RECORD_DIR:
    'セッションの記録(伏せ字の JSON Lines、シミュレーターが再生する)のフォルダー。未設定なら記録しない',
  RECORD_WORDS: '話されたことを文字で記録に残す。音声と指示は残さない',
  SIMULATOR_RATE: '組み込みシミュレーター。音声の速さ、実時間の何倍か(未設定なら独自の既定)',
  SIMULATOR_SEED: '組み込みシミュレーター。ID と声を再現できるようにする',
  CHAT_INSTRUCTIONS: '/chat のセッションの指示文',
  CHAT_TRANSCRIPTION_MODEL:
    '/chat で人が話した言葉を書き起こすモデル。Azure では同じリソースのデプロイ名。none なら書き起こさない',
  REALTIME_DIALECT:
    'クライアントが目にする名前と形。auto は SDK のアドレスでは接続のしかたから分かるクライアント自身のもの、/realtime では上流のもの。upstream は来たまま。ga と preview はどちらかに固定する',
  REALTIME_PIN_SESSION:
    'このゲートウェイがセッションに与える指示文とプロンプトテンプレート（/realtime、/sideband/ephemeral-key のキー）を、クライアントに見えるものでは空にし、置き換えを断る',
  REALTIME_TEXT_ONLY: '音声を入れも出しもしない',
  REALTIME_AUTO_CLOSE: '/realtime は最初の応答のあとセッションを終える',
  REALTIME_VOICE: 'モデルの声',
  REALTIME_HEARTBEAT_SEC: '両側の ping の間隔。三回分黙った相手はいないものとする',
  REALTIME_MAX_MSG_MB:
    'どちら向きでも最大のメッセージ(MiB)。SDK のアドレスでは、一つの append に入る音声の量。これより大きいと 1009 で閉じ、クライアントからの二倍を超えるものはクローズフレームなしで切る(1006)',
  REALTIME_MENU_PATH: '指示文のためのメニューのファイル。runtime/ から見た場所(既定は menu/menu.ts)',
  REALTIME_TEMPLATE_PATH:
    '指示文の Jinja テンプレート。runtime/ から見た場所(既定は prompt_templates/template.txt)',
  REALTIME_SCHEMA_PATH: '指示文のための応答スキーマのファイル。runtime/ から見た場所',
  ASSISTANTS_DIR:
    'アシスタントのフォルダー。中の各フォルダーに assistant.yaml を置く。このプロジェクトのフォルダーからの相対パス（既定は assistants、なくてもよい）',
  ASSISTANTS_WATCH:
    'ファイルが変わるとアシスタントを読み直す。開いているセッションは始まったときのまま続く。未設定なら、HOST がこのマシンだけを指すときに有効',
  TOOLS_MEMORY_MB:
    '1つのアシスタントのツールを実行するプロセスの常駐メモリ（MiB）。超えるとプロセスを入れ替え、実行中の呼び出しは中断になる',
  REALTIME_TURN_DETECTION_TYPE: '発話の終わりを誰が決めるか。未設定ならモデルの既定',
  REALTIME_TURN_DETECTION_SERVER_THRESHOLD: 'server_vad。反応するしきい値',
  REALTIME_TURN_DETECTION_SERVER_PREFIX_PADDING_MS: 'server_vad。発話の前から残す音声',
  REALTIME_TURN_DETECTION_SERVER_SILENCE_DURATION_MS: 'server_vad。発話を終わらせる無音の長さ',
  REALTIME_TURN_DETECTION_CREATE_RESPONSE: '発話が終わったら自ら答える',
  REALTIME_TURN_DETECTION_INTERRUPT_RESPONSE: '発話が答えを中断する',
  REALTIME_TURN_DETECTION_SEMANTIC_EAGERNESS: 'semantic_vad。どれだけ早く発話を終わりとみなすか',
  REALTIME_ALLOWED_EVENT_TYPES:
    '/realtime が通すイベントの種類の glob。<binary> はバイナリのフレームを、* はすべてを通す(既定は response.text.delta,response.text.done。答えが音声なら、その書き起こしも)',
  REALTIME_EXTRACT_JSON_FROM_TEXT_TYPES: 'テキストから JSON を探すイベントの種類の glob。空なら取り出さない',
  REALTIME_EXTRACT_FIELDS_MAP: 'イベントの種類ごとに探すフィールド。最初に見つかったものを使う',
  REALTIME_EXTRACT_JSON_TEXT_FIELD: '上の対応表にないときに探すフィールド',
  REALTIME_EXTRACT_JSON_STRATEGY: 'JSON の探しかた',
  REALTIME_EXTRACT_PICK: 'JSON オブジェクトが複数あるときに採るもの。last は答えの前の例を飛ばす',
  REALTIME_EXTRACT_ARRAYS: 'JSON 配列も取り出す。フェンスの外ではオブジェクトの配列だけ',
  REALTIME_EXTRACT_REPAIR:
    'モデルの誤り(末尾のコンマ、コメント、引用符、Python の語、生の改行)を直す。wrap では repaired の印が付く',
  REALTIME_EXTRACT_SCHEMA_PATH:
    'runtime/ からの相対パスの JSON Schema。合わないオブジェクトは見つからなかったものとし、理由は schema: と合わない場所のパス',
  REALTIME_EXTRACT_OUTPUT_MODE: 'JSON だけにするか、extracted.json イベントで包むか',
  REALTIME_EXTRACT_ON_FAIL: 'JSON が見つからなかったイベントの扱い',
  GATEWAY_AUTH:
    'クライアントが示すべきもの。未設定の場合、GATEWAY_API_KEYS があれば key、なければ none で、none の公開アドレスでは警告する',
  GATEWAY_API_KEYS:
    'クライアントのキー。name:secret の組をカンマで区切る。name:sha256:HEX なら秘密をここに置かずに済む',
  ENTRA_TENANT_ID: 'トークンを受け付けるテナント',
  ENTRA_AUDIENCE: '受け付けるトークンの対象。API のクライアント ID、アプリ ID の URI',
  ENTRA_REQUIRED_SCOPE: '人のトークンが持つべきスコープ(クレーム scp)',
  ENTRA_REQUIRED_ROLE: 'アプリケーションのトークンで、スコープに代わるロール(クレーム roles)',
  ENTRA_OPERATOR_ROLE: '保持者が全呼び出し元の使用量を参照できる Entra ID のロール(roles クレーム)',
  ENTRA_PAGES_CLIENT_ID: 'ページ自身のアプリ登録(シングルページアプリケーション)。人はこれでサインインする',
  ENTRA_AUTHORITY: 'サインインのサービス。各国クラウドでは別のもの',
  ENTRA_CLOCK_SKEW_SEC: 'トークンの時刻のずれをどこまで許すか',
  ALLOWED_ORIGINS: 'ゲートウェイ自身のもののほかに接続してよいページのオリジン。* はすべてのページ',
  TRUSTED_PROXIES: 'X-Forwarded-For を信じるプロキシのアドレスとネットワーク(CIDR)',
  TICKET_TTL_SEC: 'POST /ticket で得るチケットの寿命',
  LIMIT_SESSIONS_PER_CREDENTIAL: '1 つの資格情報で同時に持てるセッション。0 は無制限',
  LIMIT_SESSIONS_PER_ADDRESS:
    '1 つのアドレスから同時に持てるセッション。オフィスやモバイル網では多くの人が 1 つのアドレスを共有する。0 は無制限',
  LIMIT_UPGRADES_PER_MINUTE_PER_CREDENTIAL:
    '1 つの資格情報が 1 分間に開けるセッション。ロールアウト後はすべてが一度に再接続する。0 は無制限',
  LIMIT_UPGRADES_PER_MINUTE_PER_ADDRESS:
    '1 つのアドレスが 1 分間に試せるソケット。拒否されたものも数える。0 は無制限',
  LIMIT_REQUESTS_PER_MINUTE_PER_CREDENTIAL:
    '1 つの資格情報の 1 分間の POST と DELETE の要求(チケット、キー、通話)。ブラウザーはソケットごとにチケットを取得する。0 は無制限',
  LIMIT_REQUESTS_PER_MINUTE_PER_ADDRESS:
    '1 つのアドレスが 1 分間に試せる POST と DELETE の要求。拒否されたものも数える。0 は無制限',
  LIMIT_REFUSALS_PER_MINUTE_PER_ADDRESS:
    '1 つのアドレスで 1 分間に拒否される資格情報。プロセスごと。達すると、その 1 分が終わるまでそのアドレスの資格情報は検査しない。0 は無制限',
  LIMIT_MESSAGES_PER_SECOND_PER_CREDENTIAL:
    '1 つの資格情報の 1 秒あたりのメッセージ。プロセスごと。録音をできる限り速く送る正当なクライアントもある。0 は無制限',
  LIMIT_MESSAGES_PER_SECOND_PER_ADDRESS:
    '1 つのアドレスからの 1 秒あたりのメッセージ。プロセスごと。0 は無制限',
  LIMIT_STORED_ENTRIES_PER_OWNER:
    '1 つの資格情報(資格情報を求めない場合は 1 つのアドレス)が同時にストアに持てるチケット、一時キー、サイドバンドのセッション、会話。0 は無制限',
  LIMIT_STORED_MB_PER_OWNER: '上記の合計の大きさ(MiB)。0 は無制限',
  LIMIT_TOKENS_PER_DAY_PER_CREDENTIAL: '一つの資格情報の一日(UTC)のモデルのトークン。0 は無制限',
  LIMIT_TOKENS_PER_DAY_PER_ADDRESS: '一つのアドレスからの一日(UTC)のモデルのトークン。0 は無制限',
  LIMIT_COST_PER_DAY_PER_CREDENTIAL:
    '1 つの資格情報の 1 日(UTC)の推定費用。通貨は PRICES_FILE のもの。0 は無制限',
  LIMIT_COST_PER_DAY_PER_ADDRESS:
    '1 つのアドレスからの 1 日(UTC)の推定費用。通貨は PRICES_FILE のもの。0 は無制限',
  LIMIT_SESSION_MINUTES: 'セッションの長さ(分)。0 は無制限',
  LIMIT_WRAP_UP_SEC: '持ち時間が尽きるどれだけ前に、終わりに向かうよう伝えるか',
  PRICES_FILE:
    'モデルの価格の YAML ファイル。runtime/ からの相対パス(既定は usage/prices.yaml)。費用は推定値',
  OPERATORS:
    '全呼び出し元の使用量を参照できる呼び出し元(key:NAME、entra:TENANT/OBJECT、GATEWAY_AUTH なしの場合は anonymous)',
  EVENTS_WEBHOOK_URL: 'セッションと会話の終了を署名付きで通知する宛先。未設定の場合はログのみ',
  EVENTS_WEBHOOK_SECRET: 'EVENTS_WEBHOOK_URL の署名シークレット。ローテーション中はカンマ区切りで複数',
  REDIS_URL:
    'レプリカが共有する Redis。パスワードを含めば秘密の値になる。未設定なら状態はメモリーにあり、レプリカは一つだけ',
  REDIS_AUTH: 'Redis への身元の示しかた。REDIS_URL にあるもの、または Entra ID(Azure Managed Redis)',
  SCALE_SESSIONS_PER_REPLICA:
    '満杯のレプリカが抱える開いたセッションの数。レプリカの埋まり具合を、満杯 1 つにつき 10 要素の Redis リストとして公開し、オートスケーラーがそれを読む。REDIS_URL が必要。0 は公開しない',
  SIDEBAND_WEBRTC_FILTER: 'Azure。ブラウザーのデータチャネルから指示文とツールを隠す',
  SIDEBAND_PIN_SESSION: 'ブラウザーが通話の指示文、ツール、プロンプトテンプレートを変えたら元に戻す',
  SIDEBAND_SESSION_TTL_SEC: 'これだけ何も起こらないサイドバンドのセッションは忘れる',
  OPENAI_WEBHOOK_SECRET:
    '電話の着信を知らせる Webhook の署名の秘密の値。切り替えのあいだはコンマ区切りで複数。未設定なら /webhooks/realtime はない',
  CALLS_POLICY:
    '電話の着信の扱い。accept は CALLS_SESSION_PATH のセッションで応答し、assistant:NAME はアシスタントのセッションで応答し、reject は拒否する(SIP ステータスを付けられる。なければ 603)。カンマで区切った規則で、かけた先の番号または SIP ヘッダーごとに決められる(例: +15550199=assistant:cafe,X-Tenant:acme*=accept,*=reject:404)。最初に一致した規則に従い、どれにも一致しない着信は 404 で拒否する',
  CALLS_SESSION_PATH:
    '応答した電話のセッションの JSON ファイル。API の accept が受け取る形で、runtime/ からの相対パス。未設定なら CHAT_INSTRUCTIONS と REALTIME_VOICE、最初のデプロイ',
  CALLS_GREETING:
    'かけてきた人への最初の応答の指示。たとえば「あいさつをして用件をたずねる」。未設定なら、かけてきた人が先に話す',
  CALLS_CONTROL:
    'ゲートウェイが作っていない通話に応答し、転送し、拒否し、切ることができ、Webhook で来た通話を見て操作できる呼び出し元(key:NAME、entra:TENANT/OBJECT、GATEWAY_AUTH がなければ anonymous)',
  DRAIN_LAME_DUCK_MS: 'SIGTERM のあと、アップグレードを断りつつ HTTP に答え続ける時間',
  DRAIN_DEADLINE_MS: 'SIGTERM のあと、最後のセッションを終わらせる時刻',
}

/** What each stack setting means, and what it may be. */
export const stackSettings: Readonly<Record<SettingName, string>> = {
  prefix: 'すべての名前の先頭。3~12 文字の小文字と数字、先頭は文字',
  location: 'モデル以外のすべてのリージョン。swedencentral などのリージョン',
  openAiLocation:
    'Azure OpenAI アカウントのリージョン。空なら location と同じ。空、または swedencentral などのリージョン',
  zoneRedundant: '環境、Application Gateway、パブリック IP、Redis を三つのゾーンに広げる。true または false',
  minReplicas:
    '常に動くレプリカの数。0 では、静かな時間のあとの最初の呼び出しがコールド スタートを待つ。gatewayProbeInterval がアプリを静かにしておく必要がある。0~1000 の整数',
  maxReplicas: '一つのリビジョンの最大のレプリカ数。1~1000 の整数',
  cooldownPeriod: '最後のレプリカからゼロへ縮むまでの、負荷のない秒数。ほかの縮小は待たない。30~3600 の整数',
  pollingInterval: '負荷を見る間隔の秒数。5~300 の整数',
  containerCpu:
    'レプリカの vCPU。1 を超えると二つのプロセスで分け合う。メモリーはその二倍の GiB。0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2',
  containerTargetPort:
    'コンテナーのポート。すべてのリビジョンに共通で、最初の更新で決まる。1024~65535 の整数',
  terminationGracePeriodSeconds:
    'SIGTERM から SIGKILL までの秒数。終了処理はその五秒前に終わる。10~600 の整数',
  sessionsPerReplica:
    '満杯のレプリカが抱える開いたセッションの数。レプリカはこの数とイベント ループの遅れを Redis に公開し、それに応じて増減する。そのために Redis のキーが作られる。0 は CPU とメモリーだけで増減する。0~100000 の整数',
  registrySku: 'コンテナーレジストリの大きさ。Basic, Standard, Premium',
  registryId: 'ここで作る代わりに使う既存のレジストリ。空、またはコンテナー レジストリのリソース ID',
  openAiDeploymentName: 'モデルのデプロイの名前。2~64 文字の英数字、点、ハイフン',
  openAiModelName: 'モデル。gpt-realtime-1.5 などのモデル名',
  openAiModelVersion: 'モデルの版。2026-02-23 などの日付',
  openAiDeploymentSku:
    'デプロイの種類。これを書いた時点で realtime のモデルは GlobalStandard だけだった。GlobalStandard, DataZoneStandard, Standard',
  openAiDeploymentCapacity:
    '容量(単位数)。gpt-realtime-1.5 の 1 単位は毎分 10,000 トークンと 20 要求で、新しいサブスクリプションには 10 単位ある。1~10000 の整数',
  openAiFailoverLocations:
    'モデルの追加リージョン。それぞれにアカウントとデプロイを作り、この順に引き継ぐ。eastus2 のようなリージョンのコンマ区切りのリスト',
  openAiAccountIds:
    'ここで作る代わりに使う既存の Azure OpenAI アカウント(フェールオーバーの順)。それぞれに openAiDeploymentName と transcriptionDeploymentName のデプロイが必要。Cognitive Services アカウントのリソース ID のコンマ区切りのリスト',
  openAiAuth: 'モデルへの認証方法。マネージド ID、またはプログラムが読み取るアカウントのキー。identity, key',
  transcriptionDeploymentName:
    '/chat で人が話した言葉を書き起こす、同じアカウントのデプロイ。そのようなモデルのないリージョンでは空にすると作らない。空、または 2~64 文字の英数字、ドット、ハイフン',
  transcriptionModelName: '書き起こすモデル。gpt-4o-mini-transcribe のようなモデル名',
  transcriptionModelVersion: 'そのモデルの版。2025-12-15 や 001 のような版',
  transcriptionDeploymentSku:
    'そのデプロイの種類。これを書いた時点で、既定のモデルは GlobalStandard だけで提供。GlobalStandard, DataZoneStandard, Standard',
  transcriptionDeploymentCapacity: 'そのデプロイの容量(モデルの単位数)。1~10000 の整数',
  openAiApiKey:
    'マネージド ID に代わる openAiAccountIds のキー。アカウントごとに 1 つ、コンマ区切り。空、または空白を含まない 16~2560 文字',
  gatewayAuth:
    'クライアントの認証方法。空は、スタック dev では key(gatewayApiKeys がなければキーを生成する)、ほかでは誤り。空, none, key, entra, key,entra',
  gatewayApiKeys:
    'gatewayAuth が key のときのクライアントのキー。空、またはカンマで区切った name:secret の組、秘密は 8 文字以上',
  webhookSecret:
    '電話の着信を知らせる Webhook の署名シークレット。ベンダーが表示したとおりに指定する。入れ替えの間は複数を指定できる。着信の扱いは variables の CALLS_POLICY で決める。空、またはカンマで区切ったシークレット。それぞれ whsec_ と base64、または 16 文字以上のテキスト',
  assistantSecrets:
    'アシスタントのツールが参照する変数。名前は assistant.yaml の env のとおり。それぞれ Key Vault に保存される。空、または {"STRIPE_KEY":"sk_…"} のような文字列の JSON オブジェクト',
  entraTenantId: 'gatewayAuth が entra のとき、トークンを受け付けるテナント。空、または GUID',
  entraAudience: 'トークンの対象。API のクライアント ID、アプリ ID の URI。カンマ区切り',
  entraRequiredScope: '人のトークンが持つべきスコープ。空、またはスコープ名',
  entraRequiredRole: 'アプリケーションのトークンが持つべきロール。空、またはロール名',
  entraPagesClientId:
    'ページ自身のアプリ登録(シングルページアプリケーション)。人はこれでサインインする。空、または GUID',
  allowedOrigins:
    'ゲートウェイ自身のもののほかに接続してよいページのオリジン。https://app.example.com などのカンマ区切り',
  clientRanges:
    '公開アドレスに届いてよい相手。Internet またはネットワーク。Internet、または 203.0.113.0/24 などの IPv4 ネットワークのカンマ区切り',
  gatewaySku:
    'Application Gateway。Web アプリケーションファイアウォールなし、またはあり。Standard_v2, WAF_v2',
  gatewayMinCapacity:
    'Application Gateway の最小のインスタンス数。縮小すると、猶予のあとソケットが切れる。1~125 の整数',
  gatewayMaxCapacity: 'Application Gateway の最大のインスタンス数。2~125 の整数',
  gatewayProbeInterval:
    'Application Gateway の正常性チェックの間隔(秒)。チェックも要求であり、レプリカのないアプリを起動する。11~86400 の整数',
  firewallMode:
    'WAF_v2 のファイアウォールが一致したものをどうするか。拒否するか、記録するだけか。Prevention, Detection',
  requestTimeout: 'データのないソケットを Application Gateway が終わらせるまでの秒数。60~86400 の整数',
  drainTimeoutInSec: 'Application Gateway の更新のあと、開いているソケットが生き延びる秒数。1~3600 の整数',
  idleTimeoutInMinutes: 'パケットのない接続をパブリック IP が忘れるまでの分数。4~30 の整数',
  tlsCertificateSecretId:
    'Key Vault の証明書。空なら TLS なしのポート 80。空、または版を含まない Key Vault のシークレット ID',
  keyVaultResourceGroup:
    'その Key Vault のリソースグループ。空、または同じサブスクリプションのリソースグループ',
  hostName: '証明書のホスト名。空ならパブリック IP の DNS 名。空、またはホスト名',
  dnsZoneId:
    'hostName が属する Azure の DNS ゾーン。公開 IP へのレコードをそこに作る。空、または DNS ゾーンのリソース ID',
  network:
    'private はレジストリ、モデル、キー コンテナー、ログの公開アドレスを閉じ、プライベート エンドポイントで接続する。ブラウザーは WebRTC でモデルを呼べなくなる。public, private',
  networkRange: 'ネットワークのアドレス。10.20.0.0/16 のような IPv4 ネットワーク',
  gatewayRange: 'Application Gateway のサブネットのアドレス。10.20.0.0/24 のような IPv4 ネットワーク',
  appsRange:
    'Container Apps のサブネットのアドレス。/27 以上。ロールアウト中はレプリカが倍になり、あとから大きさを変えられない。10.20.1.0/24 のような IPv4 ネットワーク',
  endpointsRange:
    'プライベート エンドポイントのサブネットのアドレス。10.20.2.0/27 のような IPv4 ネットワーク',
  gatewaySubnetId:
    'Application Gateway 用の既存のサブネット(セキュリティ グループ付き)。アドレスは gatewayRange に書く。空、またはサブネットのリソース ID',
  appsSubnetId:
    'Container Apps 用の既存のサブネット。Microsoft.App/environments に委任済み。アドレスは appsRange に書く。空、またはサブネットのリソース ID',
  endpointsSubnetId: 'プライベート エンドポイント用の既存のサブネット。空、またはサブネットのリソース ID',
  ingress:
    'Container Apps のプロキシ。プラットフォームがいつでも入れ替える共有のもの、または一時間かけて接続を終える専用の 2 台以上。default, premium',
  keyVaultId:
    'ここで作る代わりに、スタックの秘密を置く既存のキー コンテナー(RBAC)。空、またはキー コンテナーのリソース ID',
  logWorkspaceId:
    'ここで作る代わりに使う既存の Log Analytics ワークスペース。空、またはワークスペースのリソース ID',
  logDailyQuotaGb: '一日のログの上限(GB)。超えた分は翌日まで捨てられる。0 は無制限。0~1000 の整数',
  monthlyBudget:
    '月の予算(サブスクリプションの通貨)。80 % と 100 % で alertEmail に知らせる。0 は予算なし。0~1000000 の整数',
  imageRef: 'ここで作る代わりに動かすイメージ。空、またはダイジェストで固定したイメージ host/name@sha256:…',
  traffic:
    'リビジョンの重みとラベル。空なら動いているものを保ち、新しいリビジョンは重み 0、ラベル next。{revision, weight, label} の一覧、revision は newest でもよい',
  variables:
    'ほかの設定が作らない、REALTIME_VOICE のようなコンテナの変数。新しい値は新しいリビジョンになる。{name, value} の一覧、値はゲートウェイが受け取るもの。秘密は置かない',
  redis: 'レプリカが共有する状態。auto は maxReplicas が 1 を超えるとき on。auto, on, off',
  redisSku: 'Azure Managed Redis の大きさ。Balanced_B0 など',
  alertEmail: '警告を受け取る人。空ならポータルに表示されるだけ。空、またはメールアドレス',
}
