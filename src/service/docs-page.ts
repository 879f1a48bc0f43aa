import { html } from 'hono/html'
import type { Config } from '../config.ts'
import { PUBLIC_ERRORS } from '../http/error-response.ts'
import { type Html, renderPage } from '../http/page.ts'
import type { Route } from '../http/route.ts'
import { TEXTS } from '../pages/texts/texts.ts'

interface Schema {
  readonly type?: string | string[]
  readonly anyOf?: Schema[]
  readonly properties?: Record<string, Schema>
  readonly required?: string[]
  readonly description?: string
}
interface Operation {
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Schema }> }
  readonly responses: Record<string, { readonly description: string; readonly content?: Record<string, { readonly schema?: object }> }>
}

/** The reference that people browse: made on the server from the OpenAPI document, no script, no other host. */
export function renderDocsPage(config: Config, routes: readonly Route[], document: object): Promise<string> {
  const { origin, pathPrefix } = config.publicUrl
  // Made by openApiDocument, so the shape is known.
  const { paths } = document as { paths: Record<string, Record<string, Operation>> }
  const shown = routes.filter((route) => !route.isPage)
  const content = html`<h1>API reference</h1>
<p class="lead">Forms or JSON in, JSON out. The session is a cookie. Machine-readable: <a href="${pathPrefix}/openapi.json">openapi.json</a></p>
<h2>Routes</h2>
${shown.map((route) => routeEntry(`${origin}${pathPrefix}`, route, operationOf(paths, route)))}
<h2>Refusals</h2>
<p>Every refusal is <code>{"error", "message", "request_id"}</code>, with <code>field</code> where one is at fault; only <code>email already registered</code> has the body the contract fixes.</p>
<div class="table"><table><thead><tr><th>code</th><th>status</th><th>meaning</th></tr></thead><tbody>
${Object.entries(PUBLIC_ERRORS)
  .filter(([code]) => !NOT_OVER_HTTP.has(code))
  .map(
    ([code, { status, sentence }]) =>
      html`<tr><td><code>${code}</code></td><td>${status}</td><td>${typeof sentence === 'string' ? sentence : sentence({ field: 'name', allow: 'the methods in Allow' })}</td></tr>`,
  )}
</tbody></table></div>
<footer><a href="${pathPrefix}/">Start page</a> · Served by ${config.name}, posture ${config.posture}.</footer>`
  const { skipToContent } = TEXTS.en.common
  return renderPage(config, { title: 'API reference', content, layout: 'wide', language: 'en', skipToContent, script: false })
}

function operationOf(paths: Record<string, Record<string, Operation>>, route: Route): Operation {
  const operation = paths[route.path.replaceAll(/:(\w+)/g, '{$1}')]?.[route.method.toLowerCase()]
  if (!operation) throw new Error(`no operation for ${route.method} ${route.path}`)
  return operation
}

function routeEntry(base: string, route: Route, operation: Operation): Html {
  const schema = Object.values(operation.requestBody?.content ?? {})[0]?.schema
  return html`<details>
<summary><span class="method ${route.method}">${route.method}</span><code>${route.path}</code><span>${route.summary}</span></summary>
<div>
${route.description ? html`<p>${prose(route.description)}</p>` : ''}
<pre><code>${curlOf(base, route, schema)}</code></pre>
${schema?.properties ? inputTable(schema) : ''}
<div class="table"><table><thead><tr><th>answer</th><th>when</th></tr></thead><tbody>
${Object.entries(operation.responses).map(
  ([status, { description, content }]) => html`<tr><td>${status}</td><td>${prose(description)}${bodyExample(status, content)}</td></tr>`,
)}
</tbody></table></div>
</div>
</details>
`
}

function inputTable(schema: Schema): Html {
  return html`<div class="table"><table><thead><tr><th>field</th><th>type</th><th>notes</th></tr></thead><tbody>
${Object.entries(schema.properties ?? {}).map(
  ([name, field]) =>
    html`<tr><td><code>${name}</code></td><td>${typeOf(field)}</td><td>${schema.required?.includes(name) ? 'required' : ''} ${field.description ?? ''}</td></tr>`,
)}
</tbody></table></div>`
}

/** Keys of a success body, for a first idea; the whole is in openapi.json. */
function bodyExample(status: string, content: Operation['responses'][string]['content']): Html | string {
  const schema = Object.values(content ?? {})[0]?.schema as Schema | undefined
  if (Number(status) >= 400 || !schema?.properties) return ''
  return html` <code>{${Object.keys(schema.properties).join(', ')}}</code>`
}

function curlOf(base: string, route: Route, schema: Schema | undefined): string {
  const method = route.method === 'GET' ? '' : ` -X ${route.method}`
  const cookie = route.access === 'session' ? ' -b cookies.txt' : ''
  const keep = route.path === '/sessions' && route.method === 'POST' ? ' -c cookies.txt' : ''
  const fields = exampleBody(schema)
  return `curl${method}${cookie}${keep}${fields} ${base}${route.path}`
}

/** A form where every field is text, JSON where one is not. */
function exampleBody(schema: Schema | undefined): string {
  const fields = Object.entries(schema?.properties ?? {})
  if (fields.every(([, field]) => field.type === 'string')) return fields.map(([name]) => ` -d '${name}=…'`).join('')
  const body = Object.fromEntries(fields.map(([name, field]) => [name, typeOf(field).includes('object') ? { key: 'value' } : '…']))
  return ` -H 'Content-Type: application/json' -d '${JSON.stringify(body)}'`
}

function typeOf({ type, anyOf }: Schema): string {
  if (anyOf) return anyOf.map(typeOf).join(' or ')
  return Array.isArray(type) ? type.join(' or ') : (type ?? 'anything')
}

/** What stands between backticks, as code. */
function prose(text: string): Html[] {
  return text.split('`').map((part, at) => (at % 2 === 1 ? html`<code>${part}</code>` : html`${part}`))
}

/** Refusals of the library and the command line only. */
const NOT_OVER_HTTP = new Set<string>(['unknown_attribute', 'configuration_invalid', 'database_refused', 'file_refused'])
