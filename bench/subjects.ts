import { existsSync, readdirSync, statSync } from 'node:fs'
import type { Target } from './load.ts'
import { type Program, pathTo } from './process.ts'

/** A server that can be asked who somebody is, and how it is asked. */
export interface Subject {
  readonly name: string
  readonly program: Program
  readonly healthPath: string
  /** The session checks: paths that answer 200 with the user's address to a live session. */
  readonly checkPaths: readonly string[]
  register(origin: string, email: string): Promise<void>
  login(origin: string, email: string): Target
}

export const SOURCE = 'Bienvenue, source'
export const COMPILED = 'Bienvenue, compiled'
export const PEER = 'Better Auth'
export const BARE = 'bare node:http'

const PASSWORD = 'correct horse battery staple'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** Bienvenue in each form that is there, and the peer; each with a database of its own in `folder`. */
export function subjectsIn(folder: string): Subject[] {
  const forms = [bienvenue(SOURCE, '../src/main.ts', `${folder}/source.db`, folder)]
  if (existsSync(pathTo('../dist/main.js'))) forms.push(bienvenue(COMPILED, '../dist/main.js', `${folder}/compiled.db`, folder))
  return [...forms, betterAuth(`${folder}/better-auth.db`, folder)]
}

/** A compiled form that is older than its source measures yesterday's code. */
export function isCompiledStale(): boolean {
  const compiled = pathTo('../dist/main.js')
  if (!existsSync(compiled)) return false
  const sources = readdirSync(pathTo('../src'), { recursive: true, encoding: 'utf8' }).filter((name) => !name.endsWith('.test.ts'))
  return sources.some((name) => statSync(pathTo(`../src/${name}`)).mtimeMs > statSync(compiled).mtimeMs)
}

function bienvenue(name: string, file: string, database: string, cwd: string): Subject {
  const form = (email: string) => new URLSearchParams({ email, password: PASSWORD }).toString()
  return {
    name,
    program: { file, cwd, env: { DATABASE_URL: `file:${database}` } },
    healthPath: '/healthz',
    checkPaths: ['/profile', '/sessions/current'],
    register: (origin, email) => send({ url: `${origin}/users`, method: 'POST', headers: FORM, body: form(email) }).then(() => {}),
    login: (origin, email) => ({ url: `${origin}/sessions`, method: 'POST', headers: FORM, body: form(email) }),
  }
}

function betterAuth(database: string, cwd: string): Subject {
  // It wants to know where a login comes from.
  const headers = (origin: string) => ({ 'content-type': 'application/json', origin })
  const body = (email: string) => JSON.stringify({ email, password: PASSWORD, name: 'Somebody' })
  return {
    name: PEER,
    program: { file: 'servers/better-auth.js', cwd, env: { DATABASE: database, NODE_ENV: 'production' } },
    healthPath: '/api/auth/ok',
    checkPaths: ['/api/auth/get-session'],
    register: (origin, email) =>
      send({ url: `${origin}/api/auth/sign-up/email`, method: 'POST', headers: headers(origin), body: body(email) }).then(() => {}),
    login: (origin, email) => ({ url: `${origin}/api/auth/sign-in/email`, method: 'POST', headers: headers(origin), body: body(email) }),
  }
}

/** One request, outside any measurement. Anything but a 2xx is an error. */
export async function send(target: Target): Promise<Response> {
  const response = await fetch(target.url, {
    method: target.method ?? 'GET',
    ...(target.headers && { headers: target.headers }),
    ...(target.body !== undefined && { body: target.body }),
  })
  if (!response.ok) throw new Error(`${target.method ?? 'GET'} ${target.url} answered ${response.status}: ${await response.text()}`)
  return response
}
