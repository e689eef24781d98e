/** Finds the parts of the page. A part that is missing is a fault in the HTML and stops the page at once. */

/**
 * The one element that matches.
 * @throws TypeError where there is none of that kind
 */
export function part<E extends Element>(
  selector: string,
  kind: new () => E,
  within: ParentNode = document,
): E {
  const element = within.querySelector(selector)
  if (element instanceof kind) return element
  throw new TypeError(`the page has no ${kind.name} "${selector}"`)
}

/** A fresh copy of the single element in a `<template>`. */
export function copyTemplate(selector: string): HTMLElement {
  const { content } = part(selector, HTMLTemplateElement)
  const copy = document.importNode(content, true).firstElementChild
  if (copy instanceof HTMLElement) return copy
  throw new TypeError(`the template "${selector}" is empty`)
}

/** Puts text into an element and shows it; no text hides it. */
export function showText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text
  element.hidden = text === ''
}

/** Lets the keyboard reach what scrolls by itself: every element with `data-scrolls`. */
export function focusScrollers(): void {
  for (const scroller of document.querySelectorAll<HTMLElement>('[data-scrolls]')) scroller.tabIndex = 0
}

/** Wide enough for two columns. */
const wideScreen = '(min-width: 62rem)'

/** Folds what a narrow screen has no room for: every open `<details data-folds>`. A wider one shows it again. */
export function foldOnNarrowScreens(): void {
  const screen = matchMedia(wideScreen)
  const fold = () => {
    for (const section of document.querySelectorAll<HTMLDetailsElement>('details[data-folds]'))
      section.open = screen.matches
  }
  screen.addEventListener('change', fold)
  fold()
}

/** Lets the page be used: its code is there. What was pressed before would have been lost, so that nothing could be. */
export function enablePage(): void {
  part('main', HTMLElement).inert = false
}
