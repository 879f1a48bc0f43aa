import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PUBLIC_ERRORS } from '../../http/error-response.ts'
import { TEXTS } from './texts.ts'

/** Every text with its way to it; of a function what it says of a word and of a number. */
function flatten(value: unknown, path = ''): Map<string, string> {
  if (typeof value === 'string') return new Map([[path, value]])
  if (typeof value === 'function') {
    const said = [value('Ann', 'at noon'), value(1, 1), value(15, 15)].map(String)
    return new Map(said.map((one, at) => [`${path}(${at})`, one]))
  }
  assert.ok(typeof value === 'object' && value !== null, path)
  return new Map(Object.entries(value).flatMap(([name, inner]) => [...flatten(inner, `${path}.${name}`)]))
}

test('English and French say the same things: every text is there, in both, and says something', () => {
  const [en, fr] = [flatten(TEXTS.en), flatten(TEXTS.fr)]
  assert.ok(en.size > 100, `${en.size}`)
  assert.deepEqual([...fr.keys()].toSorted(), [...en.keys()].toSorted())
  for (const texts of [en, fr])
    for (const [path, said] of texts) {
      assert.ok(said.trim() !== '' && said.trim() === said, path)
      assert.doesNotMatch(said, /undefined|\[object|\bTODO\b/, path)
    }
})

test('French is written as it is printed: curved apostrophes, and no space before ; : ! ? at which a line could break', () => {
  for (const [path, said] of flatten(TEXTS.fr)) {
    assert.doesNotMatch(said, /'/, path)
    assert.doesNotMatch(said, / [;:!?]/, path)
    assert.doesNotMatch(said, /[a-zé][!?;](?!\S)/, `${path}: ${said}`)
  }
})

test('there is a sentence for every refusal that can be met over HTTP', () => {
  const never = ['unknown_attribute', 'client_address_required', 'configuration_invalid', 'database_refused', 'file_refused']
  const said = [...Object.keys(TEXTS.en.errors), ...never]
  assert.deepEqual(said.toSorted(), Object.keys(PUBLIC_ERRORS).toSorted())
})
