/** `1k,100k,1m` as numbers of users, smallest first. */
export function parseSizes(text: string): number[] {
  const sizes = text.split(',').map((part) => {
    const [, digits = '', unit = ''] = /^(\d+)([km]?)$/i.exec(part.trim()) ?? []
    const size = Number(digits) * { '': 1, k: 1_000, m: 1_000_000 }[unit.toLowerCase() as '' | 'k' | 'm']
    if (!(size > 0)) throw new Error(`--users: "${part}" is no number of users; write for example 1k,100k,1m`)
    return size
  })
  return [...new Set(sizes)].sort((a, b) => a - b)
}

/** 1000000 as `1m`. */
export function sizeText(size: number): string {
  if (size >= 1_000_000 && size % 100_000 === 0) return `${size / 1_000_000}m`
  return size >= 1_000 && size % 100 === 0 ? `${size / 1_000}k` : `${size}`
}

export interface Point {
  readonly users: number
  readonly value: number
}

/** By what a value is multiplied when the users are multiplied by ten: 1 is no growth. From the first point to the last; NaN for fewer than two. */
export function growthPerTen(points: readonly Point[]): number {
  const [first, last] = [points[0], points.at(-1)]
  if (!first || !last || first.users === last.users) return Number.NaN
  return (last.value / first.value) ** (1 / Math.log10(last.users / first.users))
}

/** Three digits. */
export function short(value: number): string {
  if (value >= 100) return value.toFixed(0)
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
