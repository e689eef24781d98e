/** A program that does what the playground is set to do: in TypeScript, in Python, and a key by curl. */

export type SampleKind = 'typescript' | 'python' | 'curl'

/** What is set now. */
export interface SampleSettings {
  /** Address of the socket (`ws://host/v1/realtime`). */
  socketUrl: string
  /** What goes out, one by one: events as JSON, or plain text. */
  frames: readonly string[]
  /** Whether the gateway asks for a key. */
  needsKey: boolean
  /** The session's settings, for a key that carries them. */
  session: object
}

/** Where the key stands in the samples: never the person's own. */
const keyVariable = 'GATEWAY_API_KEY'

/** Writes the program. */
export function sampleOf(kind: SampleKind, settings: SampleSettings): string {
  if (kind === 'typescript') return typescriptOf(settings)
  return kind === 'python' ? pythonOf(settings) : curlOf(settings)
}

function typescriptOf({ socketUrl, frames, needsKey }: SampleSettings): string {
  const options = needsKey
    ? `, {\n  headers: { Authorization: \`Bearer \${process.env.${keyVariable}}\` },\n}`
    : ''
  return `// npm install ws
import WebSocket from 'ws'

const socket = new WebSocket('${socketUrl}'${options})
const frames = [
${frames.map(frame => `  ${asLiteral(frame)},`).join('\n')}
]
socket.on('open', () => {
  for (const frame of frames) socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame))
})
socket.on('message', data => console.log(String(data)))
`
}

function pythonOf({ socketUrl, frames, needsKey }: SampleSettings): string {
  const headers = needsKey
    ? `, additional_headers={"Authorization": f"Bearer {os.environ['${keyVariable}']}"}`
    : ''
  return `# pip install websockets
import json
${needsKey ? 'import os\n' : ''}
from websockets.sync.client import connect

frames = json.loads(r'''
${JSON.stringify(frames.map(parseFrame), null, 2)}
''')
with connect("${socketUrl}"${headers}) as socket:
    for frame in frames:
        socket.send(frame if isinstance(frame, str) else json.dumps(frame))
    for message in socket:
        print(message)
`
}

/** A socket is no work for curl: it makes a short-lived key that carries the session's settings. */
function curlOf({ socketUrl, needsKey, session }: SampleSettings): string {
  const url = new URL('/v1/realtime/client_secrets', socketUrl.replace(/^ws/, 'http'))
  const authorization = needsKey ? ` \\\n  -H "Authorization: Bearer $${keyVariable}"` : ''
  const body = JSON.stringify({ session }, null, 2).replaceAll("'", "'\\''")
  return `curl -X POST ${url.href}${authorization} \\
  -H "Content-Type: application/json" \\
  -d '${body}'
`
}

/** A frame as TypeScript: an object, or a text. */
function asLiteral(frame: string): string {
  return JSON.stringify(parseFrame(frame), null, 2).replaceAll('\n', '\n  ')
}

function parseFrame(frame: string): unknown {
  try {
    return JSON.parse(frame)
  } catch {
    return frame
  }
}
