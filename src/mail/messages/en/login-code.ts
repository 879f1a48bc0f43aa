import type { MessageOf } from '../../message.ts'
import { link, type MessageText, once, type Service } from '../layout.ts'

export function loginCode(service: Service, { code, token }: MessageOf<'login_code'>): MessageText {
  return {
    subject: `Log in to ${service.name}`,
    parts: [
      `Here is the code with which you log in to ${service.name}:`,
      { copy: code },
      link(service, '/login', token, 'Or log in with this link'),
      once(service),
      'Without a browser, send your address and the code by POST to /sessions, or this token alone:',
      { copy: token },
      'If you did not ask for it, do nothing, and give the code to nobody: we never ask for it by telephone or in a message.',
    ],
  }
}
