import type { MessageOf } from '../../message.ts'
import { type MessageText, type Service, timeText } from '../layout.ts'

export function secondFactorFailed(service: Service, { userAgent, address, at }: MessageOf<'second_factor_failed'>): MessageText {
  return {
    subject: `Somebody may know your password at ${service.name}`,
    parts: [
      `Somebody began to log in to your account at ${service.name} with the right password, and then gave a wrong second factor. They were not let in.`,
      `When: ${timeText(service, at)}`,
      `With: ${userAgent ?? 'an unknown program'}`,
      `From: ${address ?? 'an unknown address'}`,
      `If it was you, there is nothing to do. If not, your password is known to somebody else: choose another one at ${service.url} now.`,
    ],
  }
}
