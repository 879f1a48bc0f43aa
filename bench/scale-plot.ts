import { machineLine } from './machine.ts'
import { short, sizeText } from './scale-numbers.ts'
import { ENGINE_NAMES, type Line, linesOf, type ScaleReport } from './scale-report.ts'

const WIDTH = 1_220
const HEIGHT = 600
const TOP = 92
const BOTTOM = 500
const LEFT = 74
const LABEL_WIDTH = 206
const GAP = 72
/** Distinct for eyes that see fewer colours (Okabe and Ito). */
const COLOURS = ['#d55e00', '#0072b2', '#009e73', '#cc79a7', '#8a6d00', '#444444']
const LABEL_HEIGHT = 17

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/** Both axes logarithmic, a panel for each engine, a line for each operation with its name at its end. */
export function plot(report: ScaleReport): string {
  const lines = linesOf(report.results)
  const engines = [...new Set(lines.map(({ engine }) => engine))]
  const users = lines.flatMap(({ points }) => points.map((point) => point.users))
  const values = lines.flatMap(({ points }) => points.map((point) => point.value))
  const yRange = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))] as const
  const xRange = [Math.log10(Math.min(...users)), Math.log10(Math.max(...users))] as const
  const yOf = (value: number) => BOTTOM - ((Math.log10(value) - yRange[0]) / (yRange[1] - yRange[0] || 1)) * (BOTTOM - TOP)
  const panelWidth = (WIDTH - LEFT - GAP * (engines.length - 1)) / engines.length
  const panels = engines.map((engine, at) => {
    const left = LEFT + at * (panelWidth + GAP)
    const right = left + panelWidth - LABEL_WIDTH
    const xOf = (count: number) => left + 12 + ((Math.log10(count) - xRange[0]) / (xRange[1] - xRange[0] || 1)) * (right - left - 24)
    return panel(
      ENGINE_NAMES[engine],
      lines.filter((line) => line.engine === engine),
      { left, right, xOf, yOf, yRange },
    )
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="13" fill="#222">
<title>What grows with the number of users</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${text(LEFT, 32, 'What grows with the number of users', 'font-size="20" font-weight="600"')}
${text(LEFT, 54, `Median time of one operation. ${machineLine(report.machine)}`, 'fill="#666"')}
<text transform="translate(20 ${(TOP + BOTTOM) / 2}) rotate(-90)" text-anchor="middle">microseconds, logarithmic</text>
${panels.join('\n')}
${text(LEFT, HEIGHT - 32, 'session check, service: CPU time of the process per HTTP request. sweep: per row removed. All others: time until the answer, one after another.', 'fill="#666"')}
</svg>
`
}

interface Panel {
  readonly left: number
  readonly right: number
  readonly xOf: (users: number) => number
  readonly yOf: (value: number) => number
  /** In powers of ten. */
  readonly yRange: readonly [number, number]
}

function panel(title: string, lines: readonly Line[], { left, right, xOf, yOf, yRange }: Panel): string {
  const parts = [text((left + right) / 2, TOP - 14, title, 'text-anchor="middle" font-size="15" font-weight="600"')]
  for (let power = yRange[0]; power <= yRange[1]; power++) {
    const y = yOf(10 ** power)
    parts.push(`<path d="M${left} ${round(y)}H${right}" stroke="#ddd"/>`)
    parts.push(text(left - 8, y + 4, (10 ** power).toLocaleString('en', { maximumFractionDigits: 6 }), 'text-anchor="end" fill="#666"'))
  }
  for (const { users } of lines[0]?.points ?? []) {
    parts.push(`<path d="M${round(xOf(users))} ${TOP}V${BOTTOM}" stroke="#eee"/>`)
    parts.push(text(xOf(users), BOTTOM + 20, sizeText(users), 'text-anchor="middle" fill="#666"'))
  }
  parts.push(text((left + right) / 2, BOTTOM + 42, 'users, logarithmic', 'text-anchor="middle"'))
  const labelYs = spreadOut(lines.map(({ points }) => yOf(points.at(-1)?.value ?? 1)))
  for (const [at, { operation, points }] of lines.entries()) {
    const colour = COLOURS[at % COLOURS.length]
    const path = points.map(({ users, value }) => `${round(xOf(users))} ${round(yOf(value))}`).join('L')
    parts.push(`<path d="M${path}" fill="none" stroke="${colour}" stroke-width="2"/>`)
    for (const { users, value } of points)
      parts.push(`<circle cx="${round(xOf(users))}" cy="${round(yOf(value))}" r="3.5" fill="${colour}"/>`)
    const [last, labelY = 0] = [points.at(-1), labelYs[at]]
    const [endX, endY] = [xOf(last?.users ?? 1), yOf(last?.value ?? 1)]
    parts.push(
      `<path d="M${round(endX + 5)} ${round(endY)}L${round(right + 2)} ${round(labelY)}" stroke="${colour}" stroke-opacity="0.5"/>`,
    )
    parts.push(text(right + 6, labelY + 4, `${operation}, ${short(last?.value ?? 0)}`, `fill="${colour}"`))
  }
  return parts.join('\n')
}

/** Where labels go whose lines end at these heights: in the same order, none upon another, those that would touch around the middle of their lines. */
export function spreadOut(wanted: readonly number[]): number[] {
  const order = wanted.map((y, at) => ({ y, at })).sort((a, b) => a.y - b.y)
  const groups: (typeof order)[] = []
  const middleOf = (group: typeof order) => group.reduce((sum, { y }) => sum + y, 0) / group.length
  const halfOf = (group: typeof order) => (group.length * LABEL_HEIGHT) / 2
  for (const label of order) {
    let group = [label]
    for (let above = groups.at(-1); above && middleOf(above) + halfOf(above) > middleOf(group) - halfOf(group); above = groups.at(-1)) {
      group = [...above, ...group]
      groups.pop()
    }
    groups.push(group)
  }
  const placed = [...wanted]
  for (const group of groups) {
    for (const [place, { at }] of group.entries()) placed[at] = middleOf(group) - halfOf(group) + (place + 0.5) * LABEL_HEIGHT
  }
  return placed
}

const round = (value: number) => value.toFixed(1)

function text(x: number, y: number, words: string, attributes: string): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escapeXml(words)}</text>`
}
