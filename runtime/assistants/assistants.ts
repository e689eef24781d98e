/** All assistants of a gateway: loaded at the start, all faults at once, and chosen by callers. */
import { createHash } from 'node:crypto'
import { existsSync, type FSWatcher, readdirSync, watch } from 'node:fs'
import { join } from 'node:path'
import { GatewayError } from '../core/errors.ts'
import { enter, type FaultOwner } from '../core/fault-boundary.ts'
import type { Principal } from '../core/ports.ts'
import type { Log } from '../observability/log.ts'
import type { ModelChoice } from '../upstream/model-choice.ts'
import { type Assistant, defaultName, isAssistantFolder, loadAssistant } from './assistant.ts'
import { type AssistantFault, AssistantsError, describe } from './faults.ts'
import { type Instructions, InstructionsError, instructionsFile } from './instructions.ts'
import { nameAllowed, namePattern } from './schema.ts'

export interface AssistantsOptions {
  /** Absolute path. */
  readonly folder: string
  /** The folder was named by its operator: it must be there. */
  readonly isRequired: boolean
  /** Which deployments there are. */
  readonly models: ModelChoice
  /** Whether `access` counts; false in a terminal, whose person owns the folder. Default: true. */
  readonly checksAccess?: boolean
  /**
   * Makes ready what the assistants need before they are served, when they were read again.
   * @throws AssistantsError: those that were there before stay
   */
  readonly prepare?: (assistants: readonly Assistant[]) => Promise<void>
  readonly log: Log
}

/** So many assistants stand in one folder: each is a label of metrics, and a part of every answer of `GET /assistants`. */
const maxAssistants = 128

/** Editors write a file in several steps: a change is read when the last one is this old (ms). */
const settleMs = 200

/** More characters than any name has; a longer one is cut where it is quoted. */
const maxQuotedChars = 64

/** What the variables alone configure, where no folder adds to that. */
const plainDefault: Assistant = {
  name: defaultName,
  description: "What the environment's variables configure",
  version: versionOfAll([]),
  folder: '',
  deployment: null,
  session: {},
  instructions: null,
  greeting: null,
  events: null,
  extraction: null,
  tools: [],
  mcp: [],
  env: [],
  isPinned: false,
  isVisibleOverWebrtc: false,
  access: null,
  limits: { sessionMs: null, toolCallsPerMinute: null, toolRounds: null },
  stateVersion: 1,
  migration: null,
}

/**
 * Loads all assistants of a folder.
 * @returns by name; `default` is always among them
 * @throws AssistantsError with everything that is wrong with any of them
 */
export function loadAssistants({
  folder,
  isRequired,
  models,
}: Pick<AssistantsOptions, 'folder' | 'isRequired' | 'models'>): ReadonlyMap<string, Assistant> {
  const found = new Map([[defaultName, plainDefault]])
  if (!existsSync(folder)) {
    if (!isRequired) return found
    throw new AssistantsError(folder, [{ file: folder, line: null, message: 'does not exist' }])
  }
  const faults: AssistantFault[] = []
  for (const name of assistantNames(folder, faults)) {
    const loaded = loadAssistant(name, { root: folder, models })
    if ('faults' in loaded) faults.push(...loaded.faults)
    else found.set(name, loaded.assistant)
  }
  if (faults.length > 0) throw new AssistantsError(folder, faults)
  return found
}

/** Folders with an `assistant.yaml`; what else stands beside them, such as shared modules, is nobody's business. */
function assistantNames(root: string, faults: AssistantFault[]): string[] {
  const note = (file: string, message: string) => faults.push({ file, line: null, message })
  const names = readdirSync(root, { withFileTypes: true }).flatMap(entry => {
    const { name } = entry
    const path = join(root, name)
    const isMeant = isAssistantFolder(path) || existsSync(join(path, instructionsFile))
    if (name.startsWith('.') || name === 'node_modules' || !isMeant) return []
    if (entry.isSymbolicLink())
      note(name, 'is a symbolic link, which is not followed; put the folder itself here')
    else if (!namePattern.test(name)) note(name, `is no name of an assistant; allowed is ${nameAllowed}`)
    else return [name]
    return []
  })
  if (names.length > maxAssistants) note(root, `has ${names.length} assistants; allowed are ${maxAssistants}`)
  return names.slice(0, maxAssistants).sort()
}

export class Assistants implements FaultOwner {
  readonly #options: AssistantsOptions
  #all: ReadonlyMap<string, Assistant>
  #watcher: FSWatcher | null = null
  #settling: NodeJS.Timeout | null = null
  /** Counts readings, as an earlier one may be made ready later. */
  #readings = 0

  /** @throws AssistantsError */
  constructor(options: AssistantsOptions) {
    this.#options = options
    this.#all = this.#load()
    this.#report()
  }

  get all(): readonly Assistant[] {
    return [...this.#all.values()]
  }

  /** One hash of all versions: two replicas with the same one serve the same assistants. It names none of them. */
  get version(): string {
    return versionOfAll(this.all)
  }

  /** Those that a caller may use, in the order of their names. */
  allowedTo(principal: Principal): readonly Assistant[] {
    return this.all
      .filter(assistant => this.#isAllowed(assistant, principal))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Finds one by its name, without asking who wants it. @returns null for one that is not there any more */
  find(name: string): Assistant | null {
    return this.#all.get(name) ?? null
  }

  /**
   * Finds the assistant of a request.
   * @param asked null where the client names none; it gets what its ticket or key was made for, else none
   * @returns null where none is chosen: the variables alone count then
   * @throws GatewayError `not_found` with the names that the caller may use; `forbidden` for one that it may not, and
   *   for any other than that of its ticket or key
   */
  choose(asked: string | null, principal: Principal): Assistant | null {
    const { assistant: bound, by } = principal
    if (bound !== undefined && asked !== null && asked !== bound)
      throw new GatewayError('forbidden', `This ${kindOf(by)} opens the assistant "${bound}" alone`)
    if (bound === undefined && asked !== null && by === 'ephemeral')
      throw new GatewayError(
        'forbidden',
        'This ephemeral key was minted without an assistant, and opens none',
      )
    const name = bound ?? asked
    const assistant = this.#all.get(name ?? defaultName)
    if (assistant === undefined) throw this.#unknown(name ?? defaultName, principal)
    if (!this.#isAllowed(assistant, principal))
      throw new GatewayError(
        'forbidden',
        name === null
          ? 'Choose an assistant: this credential has no access to the gateway without one'
          : `This credential has no access to the assistant "${name}"`,
      )
    return name === null ? null : assistant
  }

  /** Reads the folder again whenever something in it changes; what is wrong is logged, and what was there stays. */
  watch(): void {
    const { folder } = this.#options
    if (!existsSync(folder) || this.#watcher !== null) return
    const changed = () => {
      if (this.#settling !== null) clearTimeout(this.#settling)
      this.#settling = setTimeout(() => enter(this, () => this.reload()), settleMs)
    }
    this.#watcher = watch(folder, { recursive: true, persistent: false }, () => enter(this, changed))
    this.#watcher.on('error', fault => this.onFault(fault))
  }

  /** Reads the folder again. Sessions that are open go on as they began. */
  async reload(): Promise<void> {
    const reading = ++this.#readings
    try {
      const all = this.#load()
      await this.#options.prepare?.([...all.values()])
      if (reading !== this.#readings) return
      const before = this.version
      this.#all = all
      if (this.version !== before) this.#report()
    } catch (fault) {
      if (!(fault instanceof AssistantsError)) throw fault
      this.#options.log.warn('assistants.refused', { faults: fault.faults.map(describe) })
    }
  }

  /** Watches no more. Safe to call twice. */
  close(): void {
    this.#readings += 1
    if (this.#settling !== null) clearTimeout(this.#settling)
    this.#watcher?.close()
    this.#watcher = null
  }

  onFault(fault: unknown): void {
    this.#options.log.warn('assistants.refused', {
      faults: [fault instanceof Error ? fault.message : String(fault)],
    })
  }

  #load(): ReadonlyMap<string, Assistant> {
    const all = [...loadAssistants(this.#options).values()]
    return new Map(all.map(assistant => [assistant.name, this.#withToldFaults(assistant)]))
  }

  /** A template may fail for one session alone: for its language, or its caller. What is wrong with it is the operator's. */
  #withToldFaults(assistant: Assistant): Assistant {
    const { name, instructions } = assistant
    if (instructions === null) return assistant
    const render: Instructions = scope => {
      try {
        return instructions(scope)
      } catch (cause) {
        if (!(cause instanceof InstructionsError)) throw cause
        const { message, line } = cause
        const faults = [describe({ file: `${name}/${instructionsFile}`, line, message })]
        this.#options.log.error('assistants.refused', { faults })
        const told = `The assistant "${name}" has no instructions for this session; its operator finds why in the log`
        throw new GatewayError('internal', told, { cause })
      }
    }
    return { ...assistant, instructions: render }
  }

  #report(): void {
    const assistants = this.all.map(({ name, version }) => `${name}@${version}`)
    this.#options.log.info('assistants.loaded', { version: this.version, assistants })
  }

  #isAllowed({ access }: Assistant, { name, roles = [] }: Principal): boolean {
    if (access === null || this.#options.checksAccess === false) return true
    return access.principals.has(name) || roles.some(role => access.roles.has(role))
  }

  #unknown(name: string, principal: Principal): GatewayError {
    const names = this.allowedTo(principal).map(assistant => `"${assistant.name}"`)
    const choice = names.length === 0 ? 'none may be used with this credential' : `use ${names.join(', ')}`
    return new GatewayError(
      'not_found',
      `There is no assistant "${name.slice(0, maxQuotedChars)}"; ${choice}`,
    )
  }
}

function kindOf(by: Principal['by']): string {
  return by === 'ephemeral' ? 'ephemeral key' : 'ticket'
}

function versionOfAll(assistants: readonly Assistant[]): string {
  const lines = assistants.map(({ name, version }) => `${name}@${version}\n`).sort()
  return createHash('sha256').update(lines.join('')).digest('hex').slice(0, 12)
}
