import { readFileSync } from 'node:fs'
import type { Config } from '../config.ts'
import { coloursOf } from './accent.ts'

/** The stylesheet of one service: its accent, then what all have in common. Nothing of a setting gets in but a checked colour (CHECKLIST R225). */
export function styleOf(config: Pick<Config, 'appearance'>): string {
  const { accent } = config.appearance
  const common = readFileSync(new URL('../http/style.css', import.meta.url), 'utf8')
  return `:root { ${variables(accent, 'light')} }\n@media (prefers-color-scheme: dark) { :root { ${variables(accent, 'dark')} } }\n${common}`
}

function variables(setting: string, scheme: 'light' | 'dark'): string {
  const { accent, onAccent, link } = coloursOf(setting, scheme)
  return `--accent: ${accent}; --on-accent: ${onAccent}; --link: ${link}`
}
