import type { Deps } from '../deps.ts'
import type { Route } from '../http/route.ts'
import type { Pages } from './pages.ts'
import { welcomeContent } from './welcome-page.ts'

/** `/` for people. */
export function welcomePageRoutes({ config }: Pick<Deps, 'config'>, pages: Pages): Route[] {
  return [
    {
      method: 'GET',
      path: '/',
      summary: config.name,
      access: 'anyone',
      isPage: true,
      answers: { 200: { description: 'A page', contentType: 'text/html' } },
      handle(c) {
        // There is no form on it, so no cookie goes with it.
        const view = { ...pages.open(c), headers: {} }
        return pages.show(view, { layout: 'wide', title: config.name, content: welcomeContent(view), script: false })
      },
    },
  ]
}
