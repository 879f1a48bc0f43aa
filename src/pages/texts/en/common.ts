/** What every page says. */
export const common = {
  skipToContent: 'Skip to the content',
  backToLogin: 'Back to the login',
  showPassword: 'Show',
  hidePassword: 'Hide',
  logOut: 'Log out',
  /** The title of a page that shows a refusal. */
  somethingWrong: 'That did not work',
  notFound: 'There is nothing here',
  notFoundText: 'The page may have moved, or the address has a typing error.',
  requestId: (id: string) => `If you ask for help, give this number: ${id}`,
}
