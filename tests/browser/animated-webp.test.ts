/** Animated pictures: a browser reads what the frames were. */
import test from 'ava'
import { launchChromium } from './_chromium.ts'
import { animatedWebp } from './animated-webp.ts'

test('a browser shows each frame where and as long as it was meant', async t => {
  const browser = await launchChromium()
  t.teardown(() => browser.close())
  const page = await browser.newPage()
  // Browsers decode pictures frame by frame for secure pages only.
  await page.route('**/*', route => route.fulfill({ contentType: 'text/html', body: '' }))
  await page.goto('http://localhost/')
  const square = async (colour: string, size: number) => {
    const base64 = await page.evaluate(`(async () => {
      const canvas = new OffscreenCanvas(${size}, ${size})
      const context = canvas.getContext('2d')
      context.fillStyle = '${colour}'
      context.fillRect(0, 0, ${size}, ${size})
      const blob = await canvas.convertToBlob({ type: 'image/webp', quality: 0.9 })
      return btoa(String.fromCharCode(...new Uint8Array(await blob.arrayBuffer())))
    })()`)
    return Buffer.from(String(base64), 'base64')
  }
  const picture = animatedWebp(40, 40, [
    { webp: await square('red', 40), x: 0, y: 0, width: 40, height: 40, ms: 100 },
    { webp: await square('blue', 11), x: 20, y: 10, width: 11, height: 11, ms: 700 },
  ])
  const shown = await page.evaluate(`(async () => {
    const data = Uint8Array.from(atob('${picture.toString('base64')}'), sign => sign.charCodeAt(0))
    const decoder = new ImageDecoder({ data, type: 'image/webp' })
    await Promise.all([decoder.tracks.ready, decoder.completed])
    const { frameCount, repetitionCount } = decoder.tracks.selectedTrack
    const frames = []
    for (let frameIndex = 0; frameIndex < frameCount; frameIndex++) {
      const { image } = await decoder.decode({ frameIndex })
      const context = new OffscreenCanvas(40, 40).getContext('2d')
      context.drawImage(image, 0, 0)
      const colourAt = (x, y) => [...context.getImageData(x, y, 1, 1).data.slice(0, 3)].map(value => value > 127)
      frames.push({ ms: image.duration / 1000, corner: colourAt(2, 2), inner: colourAt(25, 15) })
    }
    return { frames, isEndless: repetitionCount === Infinity }
  })()`)
  const [red, blue] = [
    [true, false, false],
    [false, false, true],
  ]
  t.deepEqual(shown, {
    frames: [
      { ms: 100, corner: red, inner: red },
      { ms: 700, corner: red, inner: blue },
    ],
    isEndless: true,
  })
})

test('what is no still picture, or begins at an odd pixel, is refused', t => {
  const frame = { webp: Buffer.from('GIF89a'), x: 0, y: 0, width: 1, height: 1, ms: 1 }
  t.throws(() => animatedWebp(2, 2, [frame]), { instanceOf: TypeError })
  t.throws(() => animatedWebp(2, 2, [{ ...frame, x: 1 }]), { instanceOf: RangeError })
})
