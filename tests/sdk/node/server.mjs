// A real server for a test. The environment names the binary: TASTEMAKER.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const { port } = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  return port
}

/** A server that is ready, on a bootstrap file and perhaps settings with these texts; it ends with this process. */
export async function startServer(bootstrap, { tls = false, settings = null } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'tastemaker-sdk-'))
  const file = join(folder, 'bootstrap.toml')
  writeFileSync(file, bootstrap)
  const address = `127.0.0.1:${await freePort()}`
  const host = `${tls ? 'https' : 'http'}://${address}`
  const options = ['serve', '--data', join(folder, 'data'), '--listen', address, '--bootstrap', file]
  if (tls) options.push('--tls-self-signed')
  if (settings !== null) {
    const config = join(folder, 'settings.toml')
    writeFileSync(config, settings)
    options.push('--config', config)
  }
  const server = spawn(process.env.TASTEMAKER, options, { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  server.stderr.on('data', (chunk) => (log += chunk))
  const ended = new Promise((resolve) => server.once('close', resolve))
  process.once('exit', () => {
    server.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  })
  for (let n = 0; n < 150 && server.exitCode === null; n++) {
    const answer = await fetch(`${host}/readyz`).catch(() => null)
    if (answer?.status === 200) return { host, address, stop: () => (server.kill(), ended) }
    await sleep(100)
  }
  throw new Error(`the server did not become ready:\n${log}`)
}
