import { html } from 'hono/html'
import type { Html } from '../http/page.ts'
import type { View } from './pages.ts'

/** What a browser sees at `/`; clients get the contract's JSON there. */
export function welcomeContent({ config, texts }: View): Html {
  const { welcome } = texts
  const { origin, pathPrefix } = config.publicUrl
  const base = `${origin}${pathPrefix}`
  return html`<h1>${config.name}</h1>
<p class="lead">${welcome.running}</p>
<p class="actions"><a class="button" href="${pathPrefix}/login">${welcome.logIn}</a>
${config.registration === 'open' ? html`<a class="button quiet" href="${pathPrefix}/register">${welcome.register}</a>` : ''}</p>
<h2>${welcome.tryIt}</h2>
<pre><code>curl -d 'email=bob@bob.com' -d 'password=mySuperPwd' ${base}/users
curl -c cookies.txt -d 'email=bob@bob.com' -d 'password=mySuperPwd' ${base}/sessions
curl -b cookies.txt ${base}/profile</code></pre>
<p>${welcome.reference} <a href="${pathPrefix}/docs">${welcome.referenceLink}</a></p>
${config.posture === 'classic' ? html`<p>${welcome.mailbox} <a href="${pathPrefix}/dev/mailbox">${welcome.mailboxLink}</a></p>` : ''}`
}
