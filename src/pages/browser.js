// The one script of our pages. Every page is complete without it; what it adds, it adds to what is there.

/** A button in a password field that shows what is typed. It is hidden until somebody can press it. */
function addPasswordSwitches() {
  for (const button of document.querySelectorAll('button[data-show]')) {
    const input = document.getElementById(button.getAttribute('aria-controls'))
    const set = (shown) => {
      input.type = shown ? 'text' : 'password'
      button.textContent = shown ? button.dataset.hide : button.dataset.show
    }
    button.addEventListener('click', () => {
      set(input.type === 'password')
      input.focus()
    })
    // Sent as a password, so that password managers and browsers take it for one.
    input.form?.addEventListener('submit', () => set(false))
    button.hidden = false
  }
}

/** To the first field that cannot be used, or to what is wrong with the whole. */
function focusFirstError() {
  const wrong = document.querySelector('[aria-invalid="true"]') ?? document.querySelector('.problem')
  if (wrong?.matches('.problem')) wrong.tabIndex = -1
  wrong?.focus()
}

/** `data-copy="id"`: the text of that element, or of each item of that list on a line; `data-done`: what the button then says. */
function addCopyButtons() {
  for (const button of document.querySelectorAll('button[data-copy]')) {
    if (!navigator.clipboard) continue
    const source = document.getElementById(button.dataset.copy)
    const items = source.querySelectorAll('li')
    const label = button.textContent
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(
        items.length > 0 ? [...items].map((item) => item.textContent.trim()).join('\n') : source.textContent.trim(),
      )
      button.textContent = button.dataset.done
      setTimeout(() => {
        button.textContent = label
      }, 2000)
    })
    button.hidden = false
  }
}

function addPrintButtons() {
  for (const button of document.querySelectorAll('button[data-print]')) {
    button.addEventListener('click', () => print())
    button.hidden = false
  }
}

/** A second press sends nothing. The button stays enabled: a disabled one would not be sent with its form, and would lose the focus. */
function sendFormsOnce() {
  for (const form of document.querySelectorAll('form')) {
    const buttons = form.querySelectorAll('button:not([type="button"])')
    const mark = (sent) => {
      for (const button of buttons) button.setAttribute('aria-disabled', String(sent))
    }
    form.addEventListener('submit', (event) => {
      if (buttons[0]?.getAttribute('aria-disabled') === 'true') event.preventDefault()
      else mark(true)
    })
    // Back from the next page, kept by the browser as it was left.
    addEventListener('pageshow', () => mark(false))
  }
}

addPasswordSwitches()
addCopyButtons()
addPrintButtons()
sendFormsOnce()
focusFirstError()
