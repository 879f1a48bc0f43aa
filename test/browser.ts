import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { scriptlessContexts } from './accessibility.ts'
import { findChromium } from './chromium.ts'

/** A browser that has never been anywhere: no cookies, no storage, no passkeys. */
export interface Visitor extends AsyncDisposable {
  /** Paths are the service's: `page.goto('/login')`. */
  readonly page: Page
  /** What no page may do, as it happened: see `collectProblems`. */
  readonly problems: string[]
}

export interface VisitorOptions {
  /** The service's. A request to any other is a problem. */
  readonly origin: string
  /** `false`: as somebody who has switched scripts off. */
  readonly javaScript?: boolean
  readonly colorScheme?: 'light' | 'dark'
  readonly viewport?: { readonly width: number; readonly height: number }
  /** What the browser asks for in `Accept-Language`, English unless told. */
  readonly locale?: string
}

export interface TestBrowser extends AsyncDisposable {
  readonly version: string
  newVisitor(options: VisitorOptions): Promise<Visitor>
}

const FLAGS = [
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  // Nothing leaves this machine, whatever a page asks for. `localhost` keeps its name and is the address where a test service listens.
  '--host-resolver-rules=MAP localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
]

/** A page that does not come in this time does not come: tests name what failed instead of waiting half a minute. */
const PATIENCE_MS = 5_000

/** One for a file of tests, one visitor for a test. Chromium runs as root too: Playwright starts it without its sandbox. */
export async function launchBrowser(): Promise<TestBrowser> {
  const { executablePath, env } = await findChromium()
  const browser: Browser = await chromium.launch({ executablePath, env, args: FLAGS })
  return {
    version: browser.version(),
    newVisitor: (options) => newVisitor(browser, options),
    [Symbol.asyncDispose]: () => browser.close(),
  }
}

async function newVisitor(browser: Browser, options: VisitorOptions): Promise<Visitor> {
  const { origin, javaScript = true, colorScheme = 'light', viewport, locale = 'en-GB' } = options
  const settings: BrowserContextOptions = {
    baseURL: origin,
    javaScriptEnabled: javaScript,
    colorScheme,
    locale,
    ...(viewport && { viewport }),
  }
  const context = await browser.newContext(settings)
  context.setDefaultTimeout(PATIENCE_MS)
  if (!javaScript) scriptlessContexts.add(context)
  const problems = collectProblems(context, origin)
  const page = await context.newPage()
  return { page, problems, [Symbol.asyncDispose]: () => context.close() }
}

/** What a page or a script asked for may be refused; what a page is made of (styles, scripts, pictures) must be there. */
const MAY_BE_REFUSED = ['document', 'fetch', 'xhr']

/**
 * Of all pages of a visitor: what a content security policy stopped (`csp`), other errors in the console (`console`), exceptions that nobody caught
 * (`exception`), requests to another origin (`outside`), parts that are missing and answers of 500 and more (`answer`), connections that failed (`failed`).
 * Chromium reports what a policy stopped whether or not scripts run.
 */
function collectProblems(context: BrowserContext, origin: string): string[] {
  const problems: string[] = []
  const isOutside = (url: string) => /^(https?|wss?):/.test(url) && new URL(url).origin.replace(/^ws/, 'http') !== origin
  context.on('console', (message) => {
    const text = message.text()
    // Of what could not be loaded, the two events below know more.
    if (message.type() !== 'error' || text.startsWith('Failed to load resource')) return
    problems.push(`${text.includes('Content Security Policy') ? 'csp' : 'console'}: ${text}`)
  })
  context.on('weberror', (event) => void problems.push(`exception: ${event.error().message}`))
  context.on('request', (request) => {
    if (isOutside(request.url())) problems.push(`outside: ${request.method()} ${request.url()}`)
  })
  context.on('page', (page) =>
    page.on('websocket', (socket) => {
      if (isOutside(socket.url())) problems.push(`outside: ${socket.url()}`)
    }),
  )
  context.on('response', (response) => {
    const limit = MAY_BE_REFUSED.includes(response.request().resourceType()) ? 500 : 400
    if (response.status() >= limit) problems.push(`answer: ${response.status()} to ${response.request().method()} ${response.url()}`)
  })
  context.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText ?? ''
    // The policy's own report says more; a page that is left aborts what it was loading.
    if (reason === 'csp' || reason === 'net::ERR_ABORTED' || isOutside(request.url())) return
    problems.push(`failed: ${request.method()} ${request.url()} (${reason})`)
  })
  return problems
}

/** With `SCREENSHOTS=1` a picture of the whole page, in `SCREENSHOTS_FOLDER` or test/results/screenshots, which git ignores. */
export async function screenshot(page: Page, name: string): Promise<void> {
  if (process.env.SCREENSHOTS !== '1') return
  const folder = process.env.SCREENSHOTS_FOLDER ?? join(import.meta.dirname, 'results', 'screenshots')
  await mkdir(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, animations: 'disabled' })
}
