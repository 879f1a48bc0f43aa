import type { MessageOf } from '../../message.ts'
import { type MessageText, type Service, timeText } from '../layout.ts'

export function newDevice(service: Service, { userAgent, address, at }: MessageOf<'new_device'>): MessageText {
  return {
    subject: `A new device has logged in to ${service.name}`,
    parts: [
      `Somebody logged in to your account at ${service.name} from a device that has not done so before.`,
      `When: ${timeText(service, at)}`,
      `With: ${userAgent ?? 'an unknown program'}`,
      `From: ${address ?? 'an unknown address'}`,
      `If it was you, there is nothing to do. If not, ask for a new password at ${service.url} now: that logs out whoever is logged in.`,
    ],
  }
}
