import { html } from 'hono/html'
import type { Html } from '../http/page.ts'
import type { View } from './pages.ts'

/** The codes, this once: to copy, to print, or to keep as a file, which needs no script. `onwards` is where "I have kept them" leads. */
export function recoveryCodesContent({ texts, config }: View, codes: readonly string[], onwards: string): Html {
  const { recoveryCodes } = texts
  const file = `${config.name}, ${config.publicUrl.origin}${config.publicUrl.pathPrefix}\n${recoveryCodes.list}\n\n${codes.join('\n')}\n`
  return html`<h1>${recoveryCodes.shownTitle}</h1>
<p class="lead">${recoveryCodes.shownAbout}</p>
<ul class="codes" id="recovery-codes" aria-label="${recoveryCodes.list}">
${codes.map((code) => html`<li>${code}</li>\n`)}</ul>
<div class="actions">
<a class="button quiet" download="recovery-codes.txt" href="data:text/plain;charset=utf-8,${encodeURIComponent(file)}">${recoveryCodes.download}</a>
<button type="button" class="quiet" data-copy="recovery-codes" data-done="${recoveryCodes.copied}" hidden>${recoveryCodes.copy}</button>
<button type="button" class="quiet" data-print hidden>${recoveryCodes.print}</button>
</div>
<p class="actions"><a class="button" href="${onwards}">${recoveryCodes.kept}</a></p>
`
}
