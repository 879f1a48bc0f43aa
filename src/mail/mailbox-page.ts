import { html } from 'hono/html'
import type { Config } from '../config.ts'
import { renderPage } from '../http/page.ts'
import type { KeptMail } from './mail.ts'

/** What classic would have sent. The HTML parts are shown as source: nothing in them is ever run here. */
export function renderMailboxPage(config: Config, mails: readonly KeptMail[]): Promise<string> {
  return renderPage(
    config,
    `Mailbox of ${config.name}`,
    html`<header>
<h1>Mailbox</h1>
<p class="lead">What ${config.name} would have sent in the last day, newest first. Nothing leaves this machine in the classic posture.</p>
</header>
<main>
${mails.length === 0 ? html`<p>No mail yet.</p>` : mails.map(renderMail)}
</main>`,
  )
}

function renderMail({ id, kind, to, subject, text, html: source, createdAt }: KeptMail) {
  return html`<section id="${id}">
<h2>${subject}</h2>
<p>To ${to}, ${createdAt.toISOString()}, <code>${kind}</code></p>
<pre><code>${text}</code></pre>
<details><summary>HTML part</summary><pre><code>${source}</code></pre></details>
</section>
`
}
