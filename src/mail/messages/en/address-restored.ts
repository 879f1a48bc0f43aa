import type { MessageText, Service } from '../layout.ts'

export function addressRestored(service: Service): MessageText {
  return {
    subject: `This address has no account at ${service.name} any more`,
    parts: [
      `The account at ${service.name} that had this address was taken back by the address that it had before. Every session has ended, and its password is void.`,
      'If you did not change that account to this address, do nothing. If you did, write to the people who run it.',
    ],
  }
}
