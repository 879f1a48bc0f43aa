import type { Answer, AnswerHeaders } from '../http/answer.ts'
import type { Html } from '../http/page.ts'
import type { Route, RouteContext } from '../http/route.ts'
import type { SessionGuard } from '../sessions/require-session.ts'
import type { Session } from '../sessions/session.ts'
import { accountNav, sectionContent } from './account-section-page.ts'
import { type DoneWord, SECTION_PATHS, type SectionName, type Tried } from './account-sections.ts'
import type { Pages, View } from './pages.ts'
import { queryText } from './query.ts'
import { TEXTS } from './texts/texts.ts'

export interface SectionView {
  readonly c: RouteContext
  readonly view: View
  readonly session: Session
  readonly tried: Tried | null
}

export interface Section {
  readonly path: string
  readonly page: Route
  /** The page once more, with what is wrong. */
  refused(c: RouteContext, tried: Tried): Promise<Answer>
  /** To the page, which says what is done. */
  done(c: RouteContext, word: DoneWord, headers?: AnswerHeaders): Answer
}

/** One section of one's own account: a page behind the login that its forms come back to. */
export function makeSection(
  { pages, guard }: { readonly pages: Pages; readonly guard: SessionGuard },
  name: SectionName,
  contentOf: (section: SectionView) => Promise<Html> | Html,
): Section {
  const path = SECTION_PATHS[name]

  async function show(c: RouteContext, tried: Tried | null): Promise<Answer> {
    const session = await guard.require(c)
    const view = pages.open(c)
    const content = await contentOf({ c, view, session, tried })
    return pages.show(view, {
      layout: 'account',
      nav: accountNav(view, name),
      title: view.texts.account.nav[name],
      content: sectionContent(view, { name, done: tried === null ? doneIn(c) : null, content }),
      refusal: tried?.refusal ?? null,
    })
  }

  return {
    path,
    page: {
      method: 'GET',
      path,
      summary: TEXTS.en.account.nav[name],
      access: 'session',
      isPage: true,
      answers: { 200: { description: 'A page', contentType: 'text/html' } },
      handle: (c) => show(c, null),
    },
    refused: show,
    done: (c, word, headers) => pages.redirect(c, `${path}?done=${word}`, headers),
  }
}

/** Of the list and nothing else: what stands in a URL may be anybody's. */
function doneIn(c: RouteContext): DoneWord | null {
  const word = queryText(c, 'done')
  return word !== null && isDoneWord(word) ? word : null
}

function isDoneWord(word: string): word is DoneWord {
  return Object.hasOwn(TEXTS.en.account.done, word)
}
