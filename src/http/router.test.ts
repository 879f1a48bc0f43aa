import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { pathBelow } from './router.ts'

test('a path below the prefix is what remains of it, without one trailing slash', () => {
  const cases: [prefix: string, target: string, path: string | null][] = [
    ['', '/', '/'],
    ['', '/?a=/b', '/'],
    ['', '/a/?b', '/a'],
    ['', '/a//', '/a/'],
    ['', '//a', '//a'],
    ['', '/a?b=/c/', '/a'],
    ['', '/a?b?/c/', '/a'],
    ['', '', '/'],
    ['', '*', null],
    ['', 'http://x/a', null],
    ['/auth', '/auth', '/'],
    ['/auth', '/auth/', '/'],
    ['/auth', '/auth?a', '/'],
    ['/auth', '/auth/users/', '/users'],
    ['/auth', '/authors', null],
    ['/auth', '/', null],
    ['/auth', '/?/auth/users', null],
    ['/auth', '/AUTH/users', null],
    ['/auth', '/x/auth/users', null],
    ['/auth', 'http://x/auth', null],
    ['/a/b', '/a/b/c', '/c'],
    ['/a/b', '/a/c', null],
    ['/a/b', '/a', null],
  ]
  for (const [prefix, target, path] of cases) assert.equal(pathBelow(prefix, target), path, `${prefix} ${target}`)
})

test('for any URL the path is the one that the URL parser sees', () => {
  fc.assert(
    fc.property(fc.webUrl({ withQueryParameters: true }), (text) => {
      const { pathname, search } = new URL(text)
      const path = pathBelow('', pathname + search)
      assert.ok(path === pathname || `${path}/` === pathname, `${text}: ${path}`)
    }),
  )
})
