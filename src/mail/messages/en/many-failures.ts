import type { MessageOf } from '../../message.ts'
import { type MessageText, type Service, timeText } from '../layout.ts'

export function manyFailures(service: Service, { failures, userAgent, address, at }: MessageOf<'many_failures'>): MessageText {
  return {
    subject: `A login at ${service.name} after many failed ones`,
    parts: [
      `Somebody logged in to your account at ${service.name}, after ${failures} attempts that failed.`,
      `When: ${timeText(service, at)}`,
      `With: ${userAgent ?? 'an unknown program'}`,
      `From: ${address ?? 'an unknown address'}`,
      `If it was you, there is nothing to do. If not, ask for a new password at ${service.url} now: that logs out whoever is logged in.`,
    ],
  }
}
