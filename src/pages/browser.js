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

const { SimpleWebAuthnBrowser: webauthn } = globalThis

/** Options stand in the page, and are good for five minutes from when it was made; later ones are asked for. */
const FRESH_MILLISECONDS = 240_000

async function optionsOf(form, openedAt) {
  if (form.dataset.options !== undefined && performance.now() - openedAt < FRESH_MILLISECONDS) {
    const options = JSON.parse(form.dataset.options)
    // Good for one try.
    delete form.dataset.options
    return options
  }
  const answer = await fetch(form.dataset.fresh, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: form.dataset.body,
  })
  // Whatever is in the way is said by the page that the form leads to, or is met by trying again.
  if (!answer.ok) throw new Error(`${form.dataset.fresh} answered ${answer.status}`)
  return answer.json()
}

function send(form, passkey) {
  form.elements.passkey.value = JSON.stringify(passkey)
  form.submit()
}

/** Forms that are sent with a passkey: the browser makes one, the form takes it along. */
function addPasskeyForms() {
  const forms = document.querySelectorAll('form[data-passkey]')
  const isAble = webauthn?.browserSupportsWebAuthn() === true
  for (const note of document.querySelectorAll('[data-without-passkeys]')) {
    if (isAble) note.hidden = true
    else note.textContent = note.dataset.unsupported
  }
  if (!isAble) return
  for (const form of forms) {
    const openedAt = performance.now()
    const failed = form.querySelector('.problem')
    let isAsking = false
    form.addEventListener('submit', async (event) => {
      event.preventDefault()
      event.stopImmediatePropagation()
      if (isAsking) return
      isAsking = true
      failed.hidden = true
      try {
        const optionsJSON = await optionsOf(form, openedAt)
        const ceremony = form.dataset.passkey === 'create' ? webauthn.startRegistration : webauthn.startAuthentication
        send(form, await ceremony({ optionsJSON }))
      } catch {
        failed.hidden = false
      }
      isAsking = false
    })
    form.hidden = false
    if (form.dataset.conditional !== undefined) void offerInAddressField(form, openedAt)
  }
}

/** Passkeys among what the browser offers in the address field (WebAuthn Level 3, conditional mediation). Pressing the button takes its place. */
async function offerInAddressField(form, openedAt) {
  if (!(await webauthn.browserSupportsWebAuthnAutofill())) return
  // Before what was asked for is over, it is asked for anew.
  setTimeout(() => void offerInAddressField(form, openedAt), FRESH_MILLISECONDS)
  try {
    send(form, await webauthn.startAuthentication({ optionsJSON: await optionsOf(form, openedAt), useBrowserAutofill: true }))
  } catch {
    // Nobody took it up, or the button was pressed.
  }
}

/** A second press sends nothing, but for `data-again`, whose answer is a file and leaves the page. The button stays enabled: a disabled one would not be sent with its form, and would lose the focus. */
function sendFormsOnce() {
  for (const form of document.querySelectorAll('form')) {
    const buttons = form.querySelectorAll('button:not([type="button"], [data-again])')
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
addPasskeyForms()
sendFormsOnce()
focusFirstError()
