// Chromium loads a front end from SITE_URL over HTTP/2 and TLS; from the same origin it opens a WebSocket and streams a completion.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { Browser } from './chromium.mjs'

const SITE = process.env.SITE_URL
const PATIENCE = { timeout: 30_000 }

let browser, page
const complaints = []

before(async () => {
  browser = await Browser.launch()
  page = await browser.page()
  page.on('Runtime.consoleAPICalled', ({ type, args }) => complaints.push(`${type}: ${args.map(arg => arg.value).join(' ')}`))
  page.on('Runtime.exceptionThrown', ({ exceptionDetails: thrown }) => complaints.push(thrown.exception?.description ?? thrown.text))
  page.on('Log.entryAdded', ({ entry }) => complaints.push(`${entry.level}: ${entry.text} ${entry.url ?? ''}`))
  page.on('Network.loadingFailed', ({ errorText, type }) => complaints.push(`${type}: ${errorText}`))
  for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await page.send(`${domain}.enable`)
  // The door made its certificate itself.
  await page.send('Security.setIgnoreCertificateErrors', { ignore: true })
}, PATIENCE)

after(() => browser?.close())

test('a link into the front end loads all of it over HTTP/2', PATIENCE, async () => {
  await page.open(`${SITE}/conversations/7`)
  assert.equal(await page.value('document.title'), 'Front end')
  assert.equal(await page.value('location.pathname'), '/conversations/7')
  const loaded = await page.value(`performance.getEntries().filter(entry => entry.name.startsWith(location.origin))
    .map(entry => [new URL(entry.name).pathname, entry.nextHopProtocol])`)
  assert.deepEqual(loaded, [['/conversations/7', 'h2'], ['/assets/page.css', 'h2'], ['/assets/page.js', 'h2']])
})

test('a WebSocket of the same origin is led to its server, over HTTP/2', PATIENCE, async () => {
  const shaken = once(page, 'Network.webSocketHandshakeResponseReceived')
  const told = await page.value(`echo('Grüße, 世界')`)
  assert.deepEqual(told, { data: 'Grüße, 世界', code: 1000, wasClean: true })
  assert.equal(await page.value(`document.getElementById('echo').textContent`), 'Grüße, 世界')
  // 101 is HTTP/1.1's; over HTTP/2 it is an extended CONNECT (RFC 8441), answered with 200.
  const [{ response }] = await shaken
  assert.equal(response.status, 200)
})

test('a completion is shown piece by piece', PATIENCE, async () => {
  const told = await page.value(`complete('!pace 30 one two three four five six seven eight')`)
  assert.equal(told.status, 200)
  assert.match(told.type, /^text\/event-stream/)
  assert.match(told.text, /one two three four five six seven eight/)
  assert.ok(told.ended, 'no [DONE]')
  assert.ok(told.grew > 4 && told.pieces > 4, `it came in ${told.pieces} pieces and grew ${told.grew} times`)
  const [protocol] = await page.value(`performance.getEntriesByType('resource')
    .filter(entry => entry.name.endsWith('/api/v1/chat/completions')).map(entry => entry.nextHopProtocol)`)
  assert.equal(protocol, 'h2')
})

test('nothing was complained about', () => {
  assert.deepEqual(complaints, [])
})
