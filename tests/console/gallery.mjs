// The gallery and the browser that looks at it. The environment names the binaries: GALLERY and CHROMIUM.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { chromium } from 'playwright-core'
import { fetchSoon, within } from './check.mjs'

const START_SECONDS_MAX = 60

/** Starts the gallery: its origin, the paths of its pages, and how to stop it. */
export async function startGallery() {
  const server = spawn(process.env.GALLERY, ['--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  process.on('exit', () => server.kill())
  const [line] = await within(START_SECONDS_MAX, 'the start of the gallery', once(createInterface(server.stdout), 'line'))
  const { origin } = new URL(line)
  const paths = await (await fetchSoon(`${origin}/console/-/pages`)).json()
  return { origin, paths, stop: () => server.kill() }
}

export const startBrowser = () => chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] })

const DESK = { width: 1280, height: 900 }
// The narrowest screen for which WCAG asks: 1280 pixels at four times the size.
const PHONE = { width: 320, height: 720 }

/** How pages are looked at. */
export const LOOKS = {
  light: { colorScheme: 'light', viewport: DESK },
  dark: { colorScheme: 'dark', viewport: DESK },
  phone: { colorScheme: 'light', viewport: PHONE },
}
export const PHONE_DARK = { colorScheme: 'dark', viewport: PHONE }
