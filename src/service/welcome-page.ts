import { html } from 'hono/html'
import type { Config } from '../config.ts'
import { renderPage } from '../http/page.ts'

/** What a browser sees at `/`; clients get the contract's JSON there. */
export function renderWelcomePage(config: Config): Promise<string> {
  const base = `${config.publicUrl.origin}${config.publicUrl.pathPrefix}`
  return renderPage(
    config,
    config.name,
    html`<header>
<h1>${config.name}</h1>
<p class="lead">The user authentication service is running.</p>
</header>
<main>
<h2>Try it</h2>
<pre><code>curl -d 'email=bob@bob.com' -d 'password=mySuperPwd' ${base}/users
curl -c cookies.txt -d 'email=bob@bob.com' -d 'password=mySuperPwd' ${base}/sessions
curl -b cookies.txt ${base}/profile</code></pre>
<p>Every route with its fields and answers: <a href="${config.publicUrl.pathPrefix}/docs">API reference</a></p>
</main>`,
  )
}
