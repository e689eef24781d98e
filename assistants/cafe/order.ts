/** The café's menu, and the order that a conversation holds. */
import { readFileSync } from 'node:fs'
import { ToolError, z } from 'realtime-gateway/tools'

interface Item {
  readonly sku: string
  readonly en: string
  readonly ja: string
  /** Yen, where the item has one price; else by size. */
  readonly price?: number
  readonly sizes?: Readonly<Record<string, number>>
}

/** A line of the order. */
export interface Line {
  readonly sku: string
  readonly name: string
  /** '' for an item that has one. */
  readonly size: string
  readonly quantity: number
  /** Of all of this line (yen). */
  readonly price: number
}

/** Sizes that items come in; '' for an item that has one. */
const sizes = ['', 'small', 'medium', 'large'] as const

/** What is stored with the conversation. */
export interface State {
  readonly order?: readonly Line[]
  /** Number of the last order that was placed. */
  readonly placed?: string
}

const sizesInJapanese: Readonly<Record<string, string>> = {
  small: 'スモール',
  medium: 'ミディアム',
  large: 'ラージ',
}

export type Language = 'en' | 'ja'

const menu: readonly Item[] = JSON.parse(readFileSync(new URL('menu.json', import.meta.url), 'utf8'))

/** The parameter of every tool: what it returns is told to the guest. */
export const spoken = { language: z.enum(['en', 'ja']).default('en').describe('That the guest speaks') }

/** The parameters of a tool that name an item. */
export const item = {
  sku: z.enum(menu.map(({ sku }) => sku)).describe('As the menu has it'),
  size: z.enum(sizes).default('').describe('Only where the item has sizes'),
}

/** @throws ToolError where the menu has no such item, or not in that size: the model asks the guest again */
export function priceOf(sku: string, size = '', language: Language = 'en'): { name: string; price: number } {
  const item = menu.find(item => item.sku === sku)
  if (item === undefined)
    throw new ToolError(`"${sku}" is not on the menu; there are: ${menu.map(({ sku }) => sku).join(', ')}`)
  const { [language]: name, price, sizes = {} } = item
  const found = size === '' ? price : sizes[size]
  if (found !== undefined) return { name, price: found }
  const known = Object.keys(sizes)
  if (known.length === 0) throw new ToolError(`${name} has one size only; leave "size" out`)
  if (language === 'ja')
    throw new ToolError(
      `${name}のサイズは${known.map(size => sizesInJapanese[size]).join('と')}です。どちらになさいますか。`,
    )
  throw new ToolError(`${name} comes in ${known.join(' and ')}; ask for the size`)
}

/** Sets how many of an item are ordered; none leaves the line out. */
export function withQuantity(
  order: readonly Line[],
  sku: string,
  size: string,
  quantity: number,
  language: Language = 'en',
): readonly Line[] {
  const { name, price } = priceOf(sku, size, language)
  const line = { sku, name, size, quantity, price: price * quantity }
  const at = order.findIndex(line => line.sku === sku && line.size === size)
  if (quantity === 0) return order.filter((_, index) => index !== at)
  return at < 0 ? [...order, line] : order.with(at, line)
}

export function quantityOf(order: readonly Line[], sku: string, size: string): number {
  return order.find(line => line.sku === sku && line.size === size)?.quantity ?? 0
}

/** Reads an order out: what a guest is to hear. */
export function summaryOf(order: readonly Line[], language: Language = 'en'): string {
  if (language === 'ja') return summaryInJapanese(order)
  if (order.length === 0) return 'Nothing is ordered now.'
  const lines = order.map(({ quantity, size, name }) =>
    [quantity, size, name.toLowerCase()].filter(word => word !== '').join(' '),
  )
  return `Your order: ${lines.join(', ')}. That is ${totalOf(order)} yen.`
}

function summaryInJapanese(order: readonly Line[]): string {
  if (order.length === 0) return 'ご注文は空になりました。'
  const lines = order.map(({ sku, name, size, quantity }) => {
    const { ja = name } = menu.find(item => item.sku === sku) ?? {}
    return `${ja}${size === '' ? '' : `（${sizesInJapanese[size]}）`}を${quantity}つ`
  })
  return `ご注文は${lines.join('、')}、合計${totalOf(order)}円です。`
}

/** The size in which an item is ordered; '' where there are several, or none. */
export function sizeOf(order: readonly Line[], sku: string): string {
  const [line, ...others] = order.filter(line => line.sku === sku)
  return others.length === 0 ? (line?.size ?? '') : ''
}

/** An order as the guest is shown it, in a table: without what only the menu needs. */
export function shown(
  order: readonly Line[],
  language: Language = 'en',
): Readonly<Record<string, unknown>>[] {
  return order.map(({ name, size, quantity, price }) =>
    language === 'ja'
      ? { 商品: name, サイズ: sizesInJapanese[size] ?? '', 数量: quantity, 価格: price }
      : { name, size, quantity, price },
  )
}

export function totalOf(order: readonly Line[]): number {
  return order.reduce((sum, { price }) => sum + price, 0)
}
