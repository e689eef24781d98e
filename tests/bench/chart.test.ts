import test from 'ava'
import { chartOf } from './chart.ts'
import { type Figure, figureOf } from './figures.ts'

const contenders = ['gateway', 'bare', 'parse', 'haproxy']
const rowsOf = (count: number): Figure[] =>
  Array.from({ length: count }, (_, index) =>
    contenders.map((name, place) => figureOf(`row ${index} <kB>`, name, 'µs an event', [(place + 1) * 20])),
  ).flat()

test('the chart has one bar a contender, as long as its median', t => {
  const svg = chartOf(rowsOf(1))
  const bars = svg.slice(svg.indexOf('<line ')).matchAll(/<rect [^>]* width="([\d.]+)"/g)
  const lengths = [...bars].map(([, width]) => Number(width))
  t.deepEqual(lengths, [127.5, 255, 382.5, 510])
  for (const value of ['20.0', '40.0', '60.0', '80.0']) t.true(svg.includes(`>${value}</text>`), value)
})

test('the chart needs nothing from elsewhere, runs nothing, follows the theme and stays small', t => {
  const svg = chartOf(rowsOf(16))
  t.true(Buffer.byteLength(svg) < 20_000, `${Buffer.byteLength(svg)} bytes`)
  t.notRegex(svg, /<script|<image|<foreignObject|href|url\(|@import|@font-face/)
  t.regex(svg, /@media \(prefers-color-scheme: dark\)/)
  t.regex(svg, /<title id="title">/)
  t.false(svg.includes('<kB>'), 'a name is text, not markup')
})

test('one worker and two in a row are told apart', t => {
  const svg = chartOf([
    figureOf('workers', 'workers', 'µs an event', [11]),
    figureOf('workers', 'gateway', 'µs an event', [10]),
    figureOf('workers', 'bare', 'µs an event', [9]),
  ])
  t.true(svg.includes('>11.0 with two workers<') && svg.includes('>10.0 with one<') && svg.includes('>9.0<'))
})

test('a run without a row of CPU makes no chart', t => {
  const figures = [figureOf('idle session of 1000', 'gateway', 'kB', [38])]
  t.throws(() => chartOf(figures), { message: /no row of CPU/ })
})
