import { html, raw } from 'hono/html'
import type { Config, Language } from '../config.ts'

/** What `html` makes: text whose values are escaped. */
export type Html = ReturnType<typeof html>

/** The HTML shell of every page. Values inside `html` templates are escaped; nothing comes from another host. */
export async function renderPage(config: Config, title: string, content: Html, language: Language = 'en'): Promise<string> {
  const { pathPrefix } = config.publicUrl
  const page = html`${raw('<!doctype html>')}
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${pathPrefix}/style.css">
</head>
<body>
${content}
</body>
</html>
`
  return String(await page)
}
