import { z } from 'zod'
import type { Config } from '../config.ts'
import type { ErrorCode } from '../errors.ts'
import { PUBLIC_ERRORS } from '../http/error-response.ts'
import type { Route } from '../http/route.ts'

/** The refusals that any route can answer, whoever asks. */
const ALWAYS: readonly ErrorCode[] = ['host_refused', 'loopback_only', 'unavailable', 'internal_error']
const WITH_BODY: readonly ErrorCode[] = [
  'field_required',
  'field_invalid',
  'field_unknown',
  'field_repeated',
  'body_malformed',
  'body_too_large',
  'media_type_unsupported',
  'cross_site_refused',
]

/** OpenAPI 3.1 of the routes as they are mounted: the schemas that validate are the schemas shown (docs/adr/0004-openapi.md). */
export function openApiDocument(config: Config, version: string, cookieName: string, routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes.filter(({ isPage }) => !isPage)) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: config.name,
      version,
      summary: 'User authentication: register, log in, who is this, reset a password.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: `${config.publicUrl.origin}${config.publicUrl.pathPrefix}` }],
    paths,
    components: {
      schemas: { Error: schemaOf(errorBody) },
      securitySchemes: { session: { type: 'apiKey', in: 'cookie', name: cookieName } },
    },
  }
}

const errorBody = z.strictObject({
  error: z.enum(Object.keys(PUBLIC_ERRORS) as [ErrorCode, ...ErrorCode[]]).meta({ description: 'From a closed list; see docs/errors.md.' }),
  message: z.string(),
  field: z.string().optional().meta({ description: 'The input field at fault.' }),
  reason: z.string().optional().meta({ description: 'Which rule a password breaks.' }),
  request_id: z.string(),
})

/** CONTRACT: the one refusal with a body of its own. */
const takenBody = z.strictObject({ message: z.literal('email already registered') })

function operation(route: Route): object {
  const parameters = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const unsafe = route.method !== 'GET'
  const schema = route.input && { ...schemaOf(route.input), ...(route.oneOf && { anyOf: route.oneOf.map((required) => ({ required })) }) }
  return {
    summary: route.summary,
    ...(route.description !== undefined && { description: route.description }),
    ...(route.access === 'session' && { security: [{ session: [] }] }),
    ...(parameters.length > 0 && { parameters }),
    ...(schema && {
      requestBody: {
        required: true,
        content: {
          'application/x-www-form-urlencoded': { schema },
          'multipart/form-data': { schema },
          'application/json': { schema },
        },
      },
    }),
    responses: { ...successes(route), ...refusals(route, [...(route.refusals ?? []), ...(unsafe ? WITH_BODY : []), ...ALWAYS]) },
  }
}

function successes(route: Route): Record<string, object> {
  return Object.fromEntries(
    Object.entries(route.answers)
      .filter(([status]) => Number(status) < 400)
      .map(([status, { description, body, contentType }]) => {
        const type = contentType ?? 'application/json'
        return [status, { description, ...((body || contentType) && { content: { [type]: body ? { schema: schemaOf(body) } : {} } }) }]
      }),
  )
}

/** Refusals that share a status become one answer that lists their codes; where the route has a form of its own for one, it stands beside the common one. */
function refusals(route: Route, codes: readonly ErrorCode[]): Record<string, object> {
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of new Set(codes)) {
    const { status } = PUBLIC_ERRORS[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const reference = { $ref: '#/components/schemas/Error' }
  return Object.fromEntries(
    [...byStatus].map(([status, listed]) => {
      const own = listed.includes('email_already_registered') ? takenBody : route.answers[status]?.body
      const description = listed.map((code) => `\`${code}\``).join(', ')
      return [
        String(status),
        { description, content: { 'application/json': { schema: own ? { oneOf: [schemaOf(own), reference] } : reference } } },
      ]
    }),
  )
}

function schemaOf(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' })
  return rest
}
