import { html, raw } from 'hono/html'
import type { Config, Language } from '../config.ts'

/** What `html` makes: text whose values are escaped. */
export type Html = ReturnType<typeof html>

export interface NavItem {
  /** A path of ours, below the prefix. */
  readonly href: string
  readonly label: string
  readonly current?: boolean
}

export interface AccountNav {
  /** What the list is, for those who cannot see it. */
  readonly label: string
  readonly items: readonly NavItem[]
  /** Stands at the end of the header: the form that logs out. */
  readonly logOut: Html
}

/** A narrow card, for one thing to do; a wide page to read; or the header and sections of an account. */
export type Layout = { readonly layout: 'card' | 'wide' } | { readonly layout: 'account'; readonly nav: AccountNav }

export type Shell = Layout & {
  /** Of the document; it begins `<title>`. */
  readonly title: string
  readonly content: Html
  readonly language: Language
  /** What the link says that leads past the header. */
  readonly skipToContent: string
  /** With our one script, which pages with forms have. */
  readonly script: boolean
}

/** The HTML shell of every page. Values inside `html` templates are escaped; nothing comes from another host. */
export async function renderPage(config: Config, shell: Shell): Promise<string> {
  const { pathPrefix } = config.publicUrl
  const title = shell.title === config.name ? config.name : `${shell.title} · ${config.name}`
  const page = html`${raw('<!doctype html>')}
<html lang="${shell.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${pathPrefix}/style.css">
${shell.script ? html`<script src="${pathPrefix}/pages.js" defer></script>\n` : ''}</head>
<body class="${shell.layout}">
<a class="skip" href="#content">${shell.skipToContent}</a>
<header class="top">
<a class="brand" href="${pathPrefix}/${shell.layout === 'account' ? 'account' : ''}">${logo(config)}<span>${config.name}</span></a>
${shell.layout === 'account' ? shell.nav.logOut : ''}
</header>
${shell.layout === 'account' ? navigation(pathPrefix, shell.nav) : ''}
<main id="content" tabindex="-1">
${shell.content}
</main>
</body>
</html>
`
  return String(await page)
}

/** The operator's picture, or the first letter of the name. */
function logo({ appearance, name, publicUrl }: Config): Html {
  if (appearance.logo !== null) return html`<img class="logo" src="${publicUrl.pathPrefix}/logo" alt="">`
  const [letter = ''] = name
  return html`<span class="logo letter" aria-hidden="true">${letter.toUpperCase()}</span>`
}

function navigation(pathPrefix: string, { label, items }: AccountNav): Html {
  const links = items.map(
    (item) => html`<li><a href="${pathPrefix}${item.href}"${item.current ? html` aria-current="page"` : ''}>${item.label}</a></li>\n`,
  )
  return html`<nav aria-label="${label}">
<ul>
${links}</ul>
</nav>`
}
