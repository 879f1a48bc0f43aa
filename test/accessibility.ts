import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { AxeResults, Result } from 'axe-core'
import type { BrowserContext, Page } from 'playwright-core'

/** Visitors with scripts off. Playwright does not say of a page whether it is one of theirs. */
export const scriptlessContexts = new WeakSet<BrowserContext>()

let source: string | null = null

/**
 * Every rule of axe-core that the page breaks fails the test, with the elements that break it. The page's content security policy stays on: it has no
 * say over what the browser's own tools run.
 */
export async function assertAccessible(page: Page): Promise<void> {
  source ??= readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8')
  await using _scripts = await scriptsOn(page)
  await page.evaluate(`${source}; null`)
  // WCAG 2.2 section 2.5.8: the one rule of level AA that axe leaves off by itself.
  const { violations } = await page.evaluate<AxeResults>(`axe.run({ rules: { 'target-size': { enabled: true } } })`)
  assert.ok(violations.length === 0, `${page.url()} is not accessible:\n\n${violations.map(describe).join('\n\n')}\n`)
}

function describe({ id, impact, help, helpUrl, nodes }: Result): string {
  const places = nodes.map(({ target, html, failureSummary = '' }) => {
    return `  ${target.join(' ')}\n    ${html}\n    ${failureSummary.replaceAll('\n', '\n    ')}`
  })
  return [`${id} (${impact}): ${help}`, helpUrl, ...places].join('\n')
}

/** axe waits for timers, which a page with scripts off has none of. The page was loaded without scripts and stays what it became so. */
async function scriptsOn(page: Page): Promise<AsyncDisposable> {
  const context = page.context()
  if (!scriptlessContexts.has(context)) return { [Symbol.asyncDispose]: async () => {} }
  const cdp = await context.newCDPSession(page)
  const switchOff = (value: boolean) => cdp.send('Emulation.setScriptExecutionDisabled', { value })
  // Chromium remembers for each session what it asked for, and does nothing where that stays the same.
  await switchOff(true)
  await switchOff(false)
  return {
    async [Symbol.asyncDispose]() {
      await switchOff(true)
      await cdp.detach()
    },
  }
}
