/** A colour as `#rrggbb`. */
export type Colour = string

/** What the accent makes of the pages, in one of the two schemes. */
export interface AccentColours {
  /** Under the text of buttons. */
  readonly accent: Colour
  readonly onAccent: Colour
  /** As text on any ground of the scheme. */
  readonly link: Colour
}

/** The lightest and the darkest ground that text stands on; http/style.css has the same. */
export const GROUNDS = { light: ['#ffffff', '#f1f3f6'], dark: ['#0e1014', '#1f232b'] } as const

/** WCAG 2.2, success criteria 1.4.3 (text) and 1.4.11 (the outline of a control). */
const TEXT_CONTRAST = 4.5
const CONTROL_CONTRAST = 3

const WHITE = '#ffffff'
const BLACK = '#000000'

/**
 * Buttons are the accent as it was set, in the dark scheme lightened as far as it must be to stand out. Links are darkened or lightened until they can be read, whatever colour
 * it is.
 */
export function coloursOf(accent: Colour, scheme: keyof typeof GROUNDS): AccentColours {
  const towards = scheme === 'light' ? BLACK : WHITE
  const fill = scheme === 'light' ? accent : movedUntil(accent, towards, GROUNDS.dark, CONTROL_CONTRAST)
  return {
    accent: fill,
    // One of them always can be read: where white falls short of 4.5, black has more than 4.6.
    onAccent: contrast(WHITE, fill) >= TEXT_CONTRAST ? WHITE : BLACK,
    link: movedUntil(accent, towards, GROUNDS[scheme], TEXT_CONTRAST),
  }
}

/** WCAG 2.2, "contrast ratio". */
export function contrast(a: Colour, b: Colour): number {
  const [lighter = 0, darker = 0] = [luminance(a), luminance(b)].sort((one, other) => other - one)
  return (lighter + 0.05) / (darker + 0.05)
}

/** Steps from a colour to black or white: finer than can be seen. */
const STEPS = 64

function movedUntil(colour: Colour, towards: Colour, grounds: readonly Colour[], wanted: number): Colour {
  for (let step = 0; step < STEPS; step++) {
    const moved = mix(colour, towards, step / STEPS)
    if (grounds.every((ground) => contrast(moved, ground) >= wanted)) return moved
  }
  return towards
}

function mix(from: Colour, to: Colour, share: number): Colour {
  const target = channels(to)
  const mixed = channels(from).map((value, at) => Math.round(value + ((target[at] ?? 0) - value) * share))
  return `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`
}

/** WCAG 2.2, "relative luminance". */
function luminance(colour: Colour): number {
  const [red = 0, green = 0, blue = 0] = channels(colour).map((value) => {
    const share = value / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function channels(colour: Colour): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16))
}
