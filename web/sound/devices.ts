/** The microphone and loudspeaker that the person chose; kept on this device. */

export type DeviceKind = 'microphone' | 'loudspeaker'

const keyOf: Record<DeviceKind, string> = { microphone: 'microphone', loudspeaker: 'loudspeaker' }
const mediaKind: Record<DeviceKind, MediaDeviceKind> = {
  microphone: 'audioinput',
  loudspeaker: 'audiooutput',
}

/** The id of the chosen device; '' for the browser's default. */
export function chosenDevice(kind: DeviceKind): string {
  try {
    return localStorage.getItem(keyOf[kind]) ?? ''
  } catch {
    return ''
  }
}

export function chooseDevice(kind: DeviceKind, id: string): void {
  try {
    if (id === '') localStorage.removeItem(keyOf[kind])
    else localStorage.setItem(keyOf[kind], id)
  } catch {
    // A browser that keeps nothing: the default device is taken the next time.
  }
}

/** Devices of one kind. Their names are known once the microphone was allowed. */
export async function listDevices(kind: DeviceKind): Promise<MediaDeviceInfo[]> {
  // The DOM library promises devices; browsers give them in secure contexts only.
  const devices: MediaDevices | undefined = navigator.mediaDevices
  const all = (await devices?.enumerateDevices()) ?? []
  return all.filter(device => device.kind === mediaKind[kind] && device.deviceId !== '')
}

/** Audio contexts that can choose their loudspeaker (Audio Output Devices API); the DOM library does not declare it. */
interface SinkContext {
  setSinkId?(id: string): Promise<void>
}

/** Whether this browser lets a page choose the loudspeaker. */
export function canChooseLoudspeaker(): boolean {
  return 'setSinkId' in AudioContext.prototype
}

/** Sends a context's sound to the chosen loudspeaker; to the default one where that is gone. */
export async function useChosenLoudspeaker(context: AudioContext): Promise<void> {
  const { setSinkId } = context as SinkContext
  if (!setSinkId) return
  await setSinkId.call(context, chosenDevice('loudspeaker')).catch(() => {})
}
