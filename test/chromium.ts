import { existsSync } from 'node:fs'
import { lstat, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A Chromium to start, and the environment to start it in. */
export interface Chromium {
  readonly executablePath: string
  readonly env: NodeJS.ProcessEnv
}

const INSTALLED = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/**
 * The one that `CHROME_PATH` names, or one that is installed, or the one in the npm package: a clone's tests need nothing but npm.
 *
 * @throws Error where there is none and the package's, for Linux on x64, does not run
 */
export async function findChromium(): Promise<Chromium> {
  const named = process.env.CHROME_PATH
  if (named !== undefined && !existsSync(named)) throw new Error(`CHROME_PATH names ${named}, which is not there`)
  const installed = named ?? INSTALLED.find((path) => existsSync(path))
  if (installed !== undefined) return { executablePath: installed, env: process.env }
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error('no Chrome was found: install one, or name it with CHROME_PATH')
  const folder = await unpacked()
  return {
    executablePath: join(folder, 'chromium'),
    // Its own libraries and fonts, so that it starts on a machine that has none.
    env: { ...process.env, LD_LIBRARY_PATH: join(folder, 'al2023', 'lib'), FONTCONFIG_FILE: join(folder, 'fonts.conf') },
  }
}

/**
 * The package's own way leaves its files beside everybody else's in the temporary folder, and takes what lies there under their names: an older
 * version, one that another process is still writing, one that a stranger put there. So: a folder for this version and this user, which appears when
 * it is complete.
 */
async function unpacked(): Promise<string> {
  const packageFolder = join(fileURLToPath(import.meta.resolve('@sparticuz/chromium')), '..', '..')
  const { version } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8'))
  const user = process.getuid?.() ?? 0
  const folder = join(tmpdir(), `bienvenue-chromium-${version}-${user}`)
  const found = await lstat(folder).catch(() => null)
  if (found?.isDirectory() && found.uid === user && (found.mode & 0o022) === 0) return folder
  if (found !== null) throw new Error(`${folder} is not a folder of this user alone: remove it`)

  const staging = await mkdtemp(join(tmpdir(), 'bienvenue-chromium-'))
  await inflateInto(staging, packageFolder)
  await writeFile(join(staging, 'fonts.conf'), fontsConfig(folder))
  try {
    await rename(staging, folder)
  } catch (error) {
    await rm(staging, { recursive: true, force: true })
    // Another process was faster, and its folder is as complete.
    if (!existsSync(join(folder, 'chromium'))) throw error
  }
  return folder
}

async function inflateInto(folder: string, packageFolder: string): Promise<void> {
  const { inflate } = await import('@sparticuz/chromium')
  const before = process.env.TMPDIR
  process.env.TMPDIR = folder
  // `inflate` asks for the temporary folder when it is called, and not again: nobody else sees this one.
  const inflating = ['chromium.br', 'fonts.tar.br', 'al2023.tar.br'].map((name) => inflate(join(packageFolder, 'bin', name)))
  if (before === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = before
  await Promise.all(inflating)
}

function fontsConfig(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>${folder}/fonts</dir>
  <cachedir>${folder}/fonts-cache</cachedir>
</fontconfig>
`
}
