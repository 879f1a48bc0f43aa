import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { coloursOf, contrast, GROUNDS } from './accent.ts'

const colour = fc.integer({ min: 0, max: 0xffffff }).map((value) => `#${value.toString(16).padStart(6, '0')}`)
const SCHEMES = ['light', 'dark'] as const

test('contrast is what WCAG says it is', () => {
  assert.equal(contrast('#000000', '#ffffff'), 21)
  assert.equal(contrast('#ffffff', '#ffffff'), 1)
  // Published examples: the darkest grey that fails on white, and the lightest that passes.
  assert.equal(contrast('#777777', '#ffffff').toFixed(2), '4.48')
  assert.equal(contrast('#767676', '#ffffff').toFixed(2), '4.54')
})

test('whatever the accent is, links and buttons can be read in the light and in the dark', () => {
  fc.assert(
    fc.property(colour, (accent) => {
      for (const scheme of SCHEMES) {
        const colours = coloursOf(accent, scheme)
        for (const one of Object.values(colours)) assert.match(one, /^#[0-9a-f]{6}$/)
        assert.ok(contrast(colours.accent, colours.onAccent) >= 4.5, `button in ${scheme}`)
        for (const ground of GROUNDS[scheme]) assert.ok(contrast(colours.link, ground) >= 4.5, `link in ${scheme}`)
      }
    }),
    { numRuns: 2_000 },
  )
})

test('a colour that can be read stays what the operator chose', () => {
  assert.deepEqual(coloursOf('#2554c7', 'light'), { accent: '#2554c7', onAccent: '#ffffff', link: '#2554c7' })
  assert.equal(coloursOf('#ffd400', 'light').accent, '#ffd400')
  assert.equal(coloursOf('#ffd400', 'light').onAccent, '#000000')
})

test('the text colours of the stylesheet can be read on its grounds, and its grounds are those the accent is fitted to', () => {
  const [light = '', dark = ''] = readFileSync(new URL('../http/style.css', import.meta.url), 'utf8').split('\n')
  for (const [scheme, line] of [
    ['light', light],
    ['dark', dark],
  ] as const) {
    const colours = Object.fromEntries([...line.matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map(([, name, value]) => [name, value ?? '']))
    const grounds = ['page', 'paper', 'wash'].map((name) => colours[name] ?? '')
    for (const ground of GROUNDS[scheme]) assert.ok(grounds.includes(ground), `${scheme} ${ground}`)
    for (const ground of grounds) {
      for (const name of ['ink', 'soft', 'bad', 'good'])
        assert.ok(contrast(colours[name] ?? '', ground) >= 4.5, `${scheme} ${name} on ${ground}`)
      assert.ok(contrast(colours.edge ?? '', ground) >= 3, `${scheme} edge on ${ground}`)
    }
    assert.ok(contrast(colours.bad ?? '', colours['bad-wash'] ?? '') >= 4.5)
    assert.ok(contrast(colours.good ?? '', colours['good-wash'] ?? '') >= 4.5)
  }
})
