// Starts Chromium and speaks its DevTools protocol, as far as the tests need it.
import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import WebSocket from 'ws'

// Without a sandbox, which root may not use; it shows nothing but the test's own page.
const ARGUMENTS = ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-extensions',
  '--disable-background-networking', '--disable-component-update', '--disable-dev-shm-usage', '--remote-debugging-port=0']

export class Browser {
  static async launch() {
    const browser = new Browser()
    browser.profile = mkdtempSync(join(tmpdir(), 'chromium-'))
    const args = [...ARGUMENTS, `--user-data-dir=${browser.profile}`, 'about:blank']
    // In a process group of its own, so that nothing of it stays.
    browser.process = spawn(process.env.CHROMIUM ?? 'chromium', args, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
    browser.wire = new WebSocket(await address(browser.process))
    browser.waiting = new Map()
    browser.pages = new Map()
    browser.wire.on('message', data => browser.#hear(JSON.parse(data)))
    await once(browser.wire, 'open')
    return browser
  }

  async page() {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true })
    const page = new Page(this, sessionId)
    this.pages.set(sessionId, page)
    return page
  }

  send(method, params = {}, sessionId) {
    const id = this.next = (this.next ?? 0) + 1
    this.wire.send(JSON.stringify({ id, method, params, sessionId }))
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }))
  }

  #hear({ id, method, params, result, error, sessionId }) {
    if (id === undefined) return this.pages.get(sessionId)?.emit(method, params)
    const { resolve, reject } = this.waiting.get(id)
    this.waiting.delete(id)
    if (error) reject(new Error(error.message))
    else resolve(result)
  }

  async close() {
    const gone = once(this.process, 'exit')
    process.kill(-this.process.pid, 'SIGKILL')
    await gone
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

// One tab. Emits the protocol's events by their names.
class Page extends EventEmitter {
  constructor(browser, session) {
    super()
    this.send = (method, params) => browser.send(method, params, session)
  }

  async open(url) {
    const loaded = once(this, 'Page.loadEventFired')
    const { errorText } = await this.send('Page.navigate', { url })
    if (errorText) throw new Error(`${url}: ${errorText}`)
    await loaded
  }

  // The value of an expression of the page, waited for if it is a promise.
  async value(expression) {
    const asked = { expression, awaitPromise: true, returnByValue: true }
    const { result, exceptionDetails: thrown } = await this.send('Runtime.evaluate', asked)
    if (thrown) throw new Error(thrown.exception?.description ?? thrown.text)
    return result.value
  }
}

async function address(chromium) {
  const told = []
  for await (const line of createInterface(chromium.stderr)) {
    const [, url] = /DevTools listening on (ws:\S+)/.exec(line) ?? []
    if (url) {
      // What it says later is not read, and must not fill the pipe.
      chromium.stderr.resume()
      return url
    }
    told.push(line)
  }
  throw new Error(`chromium ended at once:\n${told.join('\n')}`)
}
