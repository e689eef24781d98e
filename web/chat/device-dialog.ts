/** The dialog in which microphone and loudspeaker are chosen and tried. */
import { say } from '../language/language.ts'
import { part } from '../page/page.ts'
import { type Capture, startCapture } from '../sound/capture.ts'
import {
  canChooseLoudspeaker,
  chooseDevice,
  chosenDevice,
  type DeviceKind,
  listDevices,
  useChosenLoudspeaker,
} from '../sound/devices.ts'
import { showLevel } from '../sound/meter.ts'

/** The tone by which a loudspeaker is tried: one second, soft begin and end. */
const tone = { hertz: 440, seconds: 1, volume: 0.2, fadeSeconds: 0.05 }

/** The dialog. While it is open, the microphone is too, and shows its level. */
export class DeviceDialog {
  readonly #dialog = part('#devices', HTMLDialogElement)
  readonly #fault = part('#devices-fault', HTMLElement)
  readonly #meter = part('#devices-level', HTMLMeterElement)
  readonly #onLoudspeaker: () => void
  #capture: Capture | undefined
  /** Numbers the openings and closings, so that a microphone that comes too late is closed again. */
  #begun = 0
  #stopMeter = () => {}

  /** @param onLoudspeaker another one was chosen */
  constructor(onLoudspeaker: () => void) {
    this.#onLoudspeaker = onLoudspeaker
    part('#devices-open', HTMLButtonElement).onclick = () => this.#open()
    part('#devices-close', HTMLButtonElement).onclick = () => this.#dialog.close()
    part('#try-loudspeaker', HTMLButtonElement).onclick = () => void playTone()
    this.#dialog.onclose = () => this.#stop()
    selectOf('microphone').onchange = () => {
      chooseDevice('microphone', selectOf('microphone').value)
      void this.#listen()
    }
    selectOf('loudspeaker').onchange = () => {
      chooseDevice('loudspeaker', selectOf('loudspeaker').value)
      this.#onLoudspeaker()
    }
  }

  #open(): void {
    part('#loudspeaker-row', HTMLElement).hidden = !canChooseLoudspeaker()
    this.#dialog.showModal()
    void this.#listen()
  }

  /** Opens the chosen microphone, to show its level; names of devices are told from then on. */
  async #listen(): Promise<void> {
    this.#stop()
    const begun = this.#begun
    this.#fault.textContent = ''
    try {
      const capture = await startCapture(
        () => {},
        () => begun === this.#begun && this.#stop(),
      )
      if (begun !== this.#begun) return capture.stop()
      this.#capture = capture
      this.#stopMeter = showLevel(this.#meter, capture.analyser)
    } catch (cause) {
      if (begun !== this.#begun) return
      this.#fault.textContent = cause instanceof Error ? cause.message : String(cause)
    }
    await Promise.all([fill('microphone'), fill('loudspeaker')])
  }

  #stop(): void {
    this.#begun++
    this.#stopMeter()
    this.#stopMeter = () => {}
    this.#capture?.stop()
    this.#capture = undefined
  }
}

function selectOf(kind: DeviceKind): HTMLSelectElement {
  return part(`#${kind}`, HTMLSelectElement)
}

async function fill(kind: DeviceKind): Promise<void> {
  const devices = await listDevices(kind)
  const options = devices.map(
    ({ deviceId, label }, index) =>
      new Option(label || say('Device {number}', { number: index + 1 }), deviceId),
  )
  const select = selectOf(kind)
  select.replaceChildren(new Option(say('As the system has it'), ''), ...options)
  const chosen = chosenDevice(kind)
  select.value = devices.some(({ deviceId }) => deviceId === chosen) ? chosen : ''
}

async function playTone(): Promise<void> {
  const context = new AudioContext()
  await useChosenLoudspeaker(context)
  const end = context.currentTime + tone.seconds
  const gain = new GainNode(context, { gain: 0 })
  gain.gain.linearRampToValueAtTime(tone.volume, context.currentTime + tone.fadeSeconds)
  gain.gain.setValueAtTime(tone.volume, end - tone.fadeSeconds)
  gain.gain.linearRampToValueAtTime(0, end)
  const source = new OscillatorNode(context, { frequency: tone.hertz })
  source.connect(gain).connect(context.destination)
  source.onended = () => void context.close()
  source.start()
  source.stop(end)
}
