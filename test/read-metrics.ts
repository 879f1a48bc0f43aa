import assert from 'node:assert/strict'

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"'
const SAMPLE = new RegExp(`^(${NAME})(\\{${LABEL}(?:,${LABEL})*\\})? (-?[0-9.]+(?:e[+-]?[0-9]+)?|[+-]Inf|Nan)$`)

/**
 * Read Prometheus' text format strictly, `Nan` as prom-client spells it (prometheus.io, "Exposition formats"): each family is described once, before its samples; no sample comes
 * twice; a histogram's buckets grow and end with `+Inf`. @returns values by name and labels, as they are written
 */
export function readMetrics(text: string): ReadonlyMap<string, number> {
  assert.ok(text.endsWith('\n'), 'the last line ends too')
  const types = new Map<string, string>()
  const values = new Map<string, number>()
  let family = ''
  for (const line of text.split('\n')) {
    if (line === '') continue
    const [, kind, name = '', rest = ''] = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line) ?? []
    if (kind === 'HELP') {
      assert.ok(!types.has(name), `${name} is described once`)
      family = name
      continue
    }
    if (kind === 'TYPE') {
      assert.equal(name, family)
      assert.match(rest, /^(counter|gauge|histogram|summary)$/)
      types.set(name, rest)
      continue
    }
    const [, sample = '', labels = '', value] = SAMPLE.exec(line) ?? []
    assert.ok(value !== undefined, `a line that is no sample: ${line}`)
    const allowed = types.get(family) === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => family + end) : [family]
    assert.ok(allowed.includes(sample), `${sample} stands below ${family}`)
    if (types.get(family) === 'counter') assert.match(family, /_total$/)
    assert.ok(!values.has(sample + labels), `${sample}${labels} is there once`)
    values.set(sample + labels, Number(value.replace('Inf', 'Infinity').replace('Nan', 'NaN')))
  }
  for (const [name, type] of types) if (type === 'histogram') requireWholeHistograms(name, values)
  return values
}

function requireWholeHistograms(name: string, values: ReadonlyMap<string, number>): void {
  let last = 0
  for (const [key, value] of values) {
    if (!key.startsWith(`${name}_bucket`)) continue
    assert.ok(value >= last, `${key} holds what is below it too`)
    last = value
    if (!key.includes('le="+Inf"')) continue
    last = 0
    const labels = key
      .slice(`${name}_bucket`.length)
      .replace(/le="\+Inf",|,?le="\+Inf"/, '')
      .replace('{}', '')
    assert.equal(values.get(`${name}_count${labels}`), value)
  }
}
