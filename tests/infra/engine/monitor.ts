/** The two services that a program finds behind Pulumi's own entry point: it registers resources with one, and logs to the other. */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import * as grpc from '@grpc/grpc-js'
import { type Inputs, idOf, outputsOf, subscriptionId, tenantId } from '../resource-answers.ts'
import { reveal } from './wire.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const require = createRequire(import.meta.url)
const { ResourceMonitorService } = require('@pulumi/pulumi/proto/resource_grpc_pb.js')
const { EngineService } = require('@pulumi/pulumi/proto/engine_grpc_pb.js')
const resources = require('@pulumi/pulumi/proto/resource_pb.js')
const engines = require('@pulumi/pulumi/proto/engine_pb.js')
const { Empty } = require('google-protobuf/google/protobuf/empty_pb.js')
const { Struct } = require('google-protobuf/google/protobuf/struct_pb.js')

export interface Registered {
  readonly type: string
  readonly name: string
  readonly inputs: Inputs
  readonly deletedWith: string
}

export interface ProgramRun {
  readonly code: number | null
  readonly registered: readonly Registered[]
  readonly log: readonly string[]
  readonly output: string
}

/** What the program asks for, and this monitor can do. */
const features = new Set(['secrets', 'resourceReferences', 'deletedWith', 'aliasSpecs'])
/** A run is given up after this (ms). */
const runMs = 120_000

type Reply = (fault: unknown, answer?: unknown) => void

/**
 * Runs `index.ts` as the language host does: `node @pulumi/pulumi/cmd/run`, with its configuration in the environment.
 * @param isTarget resources of Azure that are made; others are passed over, as `pulumi up --target` does (default: all)
 */
export async function runThroughEntryPoint(
  stack: string,
  config: Readonly<Record<string, string>>,
  isPreview: boolean,
  isTarget: (type: string, name: string) => boolean = () => true,
): Promise<ProgramRun> {
  const registered: Registered[] = []
  const log: string[] = []
  const server = new grpc.Server()
  server.addService(
    ResourceMonitorService,
    whole(ResourceMonitorService, monitorOf(stack, registered, isTarget)),
  )
  server.addService(EngineService, whole(EngineService, engineOf(log)))
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (fault, bound) =>
      fault ? reject(fault) : resolve(bound),
    ),
  )
  try {
    const { code, output } = await runProgram(stack, config, isPreview, `127.0.0.1:${port}`)
    return { code, registered, log, output }
  } finally {
    server.forceShutdown()
  }
}

/** A method that has no answer here refuses by name. */
function whole(
  service: object,
  methods: Readonly<Record<string, unknown>>,
): grpc.UntypedServiceImplementation {
  return Object.fromEntries(
    Object.keys(service).map(name => [
      name,
      methods[name] ??
        ((_: unknown, reply: Reply) =>
          reply({ code: grpc.status.UNIMPLEMENTED, details: `${name} has no answer here` })),
    ]),
  ) as grpc.UntypedServiceImplementation
}

function monitorOf(
  stack: string,
  registered: Registered[],
  isTarget: (type: string, name: string) => boolean,
) {
  return {
    supportsFeature: (call: { request: { getId(): string } }, reply: Reply) => {
      const answer = new resources.SupportsFeatureResponse()
      answer.setHassupport(features.has(call.request.getId()))
      reply(null, answer)
    },
    invoke: (call: { request: { getTok(): string } }, reply: Reply) => {
      const answer = new resources.ResourceInvokeResponse()
      answer.setReturn(Struct.fromJavaScript(answerTo(call.request.getTok())))
      reply(null, answer)
    },
    readResource: (call: { request: Request }, reply: Reply) => {
      const answer = new resources.ReadResourceResponse()
      answer.setUrn(urnOf(stack, call.request))
      const outputs = { outputs: {}, secretOutputNames: [] }
      answer.setProperties(Struct.fromJavaScript(outputs))
      reply(null, answer)
    },
    registerResource: (call: { request: Request }, reply: Reply) => {
      const { request } = call
      const [type, name] = [request.getType(), request.getName()]
      const object = request.getObject()?.toJavaScript() ?? {}
      const inputs = reveal(object, 'hide') as Inputs
      const answer = new resources.RegisterResourceResponse()
      answer.setUrn(urnOf(stack, request))
      if (request.getCustom() && !isTarget(type, name)) {
        answer.setUnknown(true)
        reply(null, answer)
        return
      }
      registered.push({
        type,
        name,
        inputs,
        deletedWith: request.getDeletedwith().split('::').at(-1) ?? '',
      })
      if (request.getCustom()) {
        const previous = {}
        answer.setId(idOf(type, inputs))
        const outputs = outputsOf(type, inputs, { digest: `sha256:${'a'.repeat(64)}`, previous })
        answer.setObject(Struct.fromJavaScript({ ...object, ...outputs }))
      } else answer.setObject(Struct.fromJavaScript(object))
      reply(null, answer)
    },
    registerResourceOutputs: (_: unknown, reply: Reply) => reply(null, new Empty()),
    signalAndWaitForShutdown: (_: unknown, reply: Reply) => reply(null, new Empty()),
  }
}

interface Request {
  getType(): string
  getName(): string
  getCustom(): boolean
  getDeletedwith(): string
  getObject(): { toJavaScript(): Record<string, unknown> } | undefined
}

const urnOf = (stack: string, request: Request) =>
  `urn:pulumi:${stack}::realtime-gateway::${request.getType()}::${request.getName()}`

function engineOf(log: string[]) {
  let rootUrn = ''
  return {
    log: (call: { request: { getMessage(): string } }, reply: Reply) => {
      log.push(call.request.getMessage())
      reply(null, new Empty())
    },
    setRootResource: (call: { request: { getUrn(): string } }, reply: Reply) => {
      rootUrn = call.request.getUrn()
      reply(null, new engines.SetRootResourceResponse())
    },
    getRootResource: (_: unknown, reply: Reply) => {
      const answer = new engines.GetRootResourceResponse()
      answer.setUrn(rootUrn)
      reply(null, answer)
    },
  }
}

function answerTo(token: string): Inputs {
  if (token === 'azure-native:authorization:getClientConfig')
    return { subscriptionId, tenantId, clientId: 'deployer', objectId: 'deployer' }
  if (token === 'azure-native:authorization:getClientToken') return { token: 'azure-token' }
  if (token === 'azure-native:redisenterprise:listDatabaseKeys') return { primaryKey: 'key-of-redis' }
  throw new Error(`${token} has no answer here`)
}

function runProgram(
  stack: string,
  config: Readonly<Record<string, string>>,
  isPreview: boolean,
  address: string,
): Promise<{ code: number | null; output: string }> {
  const entryPoint = require.resolve('@pulumi/pulumi/cmd/run')
  const flags = [
    `--monitor=${address}`,
    `--engine=${address}`,
    '--project=realtime-gateway',
    `--stack=${stack}`,
    '--organization=organization',
    '--parallel=16',
    `--pwd=${root}`,
    ...(isPreview ? ['--dry-run'] : []),
  ]
  const answers = fileURLToPath(new URL('registry-answer.mjs', import.meta.url))
  const child = spawn(process.execPath, ['--import', answers, entryPoint, ...flags, 'index.ts'], {
    cwd: root,
    env: { PATH: process.env.PATH, PULUMI_CONFIG: JSON.stringify(config), PULUMI_NODEJS_TYPESCRIPT: 'false' },
    timeout: runMs,
    killSignal: 'SIGKILL',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', chunk => {
      output += chunk
    })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', code => resolve({ code, output }))
  })
}
