/** A button that works while it is held: by pointer, by Space or by Enter. */

/** Joins the button. Losing the focus lets go. */
export function joinHold(button: HTMLButtonElement, press: () => void, release: () => void): void {
  const isKey = ({ key }: KeyboardEvent) => key === ' ' || key === 'Enter'
  let isHeld = false
  const down = () => {
    if (!isHeld) press()
    isHeld = true
  }
  const up = () => {
    if (isHeld) release()
    isHeld = false
  }
  button.onpointerdown = event => {
    if (event.button !== 0) return
    button.setPointerCapture(event.pointerId)
    down()
  }
  button.onpointerup = up
  button.onpointercancel = up
  button.onblur = up
  button.oncontextmenu = event => event.preventDefault()
  button.onkeydown = event => {
    if (!isKey(event)) return
    event.preventDefault()
    down()
  }
  button.onkeyup = event => {
    if (isKey(event)) up()
  }
}
