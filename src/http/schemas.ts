import { z } from 'zod'

/** Schemas that several routes share. They validate input and document answers. */
export const text = z.string({ error: (issue) => (issue.input === undefined ? 'it is missing' : 'it must be a string') })
export const email = text.meta({ format: 'email', examples: ['guillaume@holberton.io'] })
export const password = text.meta({ format: 'password' })
export const instant = z.string().meta({ format: 'date-time' })
export const metadata = z
  .record(z.string(), z.unknown(), { error: 'it must be a JSON object' })
  .meta({ description: 'Any JSON object of at most 4 KiB.' })

/** A choice: `true` or `false`, in a form as text. */
export const choice = z
  .union([z.boolean(), z.enum(['true', 'false'])], { error: 'it must be true or false' })
  .transform((given) => given === true || given === 'true')

/** An answer of exactly `email` and a fixed message: the contract's form. */
export function contractAnswer(message: string) {
  return z.strictObject({ email, message: z.literal(message) })
}

export function messageAnswer(message: string) {
  return z.strictObject({ message: z.literal(message) })
}
