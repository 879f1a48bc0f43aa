import type { HardenedApp } from './hardened-app.ts'
import type { TestApp } from './test-app.ts'

export interface Operation {
  readonly method: string
  readonly path: string
  readonly needsSession: boolean
  /** What its body may hold, by the schema. */
  readonly fields: readonly string[]
}

interface Described {
  readonly security?: object[]
  readonly requestBody?: { readonly content: Record<string, { readonly schema: { readonly properties?: object } }> }
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
    })),
  )
}
