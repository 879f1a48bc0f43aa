import type { HardenedApp } from './hardened-app.ts'
import type { TestApp } from './test-app.ts'

export interface Operation {
  readonly method: string
  readonly path: string
  readonly needsSession: boolean
  /** What its body may hold, by the schema. */
  readonly fields: readonly string[]
  /** What its body must hold. */
  readonly required: readonly string[]
}

interface Described {
  readonly security?: object[]
  readonly requestBody?: {
    readonly content: Record<string, { readonly schema: { readonly properties?: object; readonly required?: readonly string[] } }>
  }
}

/** Every operation that the service documents, so that no test has to be told of a new one. */
export async function operationsOf(app: TestApp | HardenedApp): Promise<Operation[]> {
  const { paths } = (await app.request('GET', '/openapi.json')).json as { paths: Record<string, Record<string, Described>> }
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { security, requestBody }]) => ({
      method: method.toUpperCase(),
      path,
      needsSession: security !== undefined,
      fields: Object.keys(requestBody?.content['application/json']?.schema.properties ?? {}),
      required: requestBody?.content['application/json']?.schema.required ?? [],
    })),
  )
}

/** Has the form of what a browser sends, and is no passkey. */
export const NO_PASSKEY = {
  id: 'AAAA',
  rawId: 'AAAA',
  type: 'public-key',
  response: { clientDataJSON: 'AAAA', attestationObject: 'AAAA', authenticatorData: 'AAAA', signature: 'AAAA' },
}

/** A body that can be read, so that what is refused is who asks. */
export function requiredBody({ method, required }: Operation): { readonly json?: object } {
  if (method === 'GET') return {}
  return { json: Object.fromEntries(required.map((field) => [field, field === 'passkey' ? NO_PASSKEY : 'x'])) }
}
