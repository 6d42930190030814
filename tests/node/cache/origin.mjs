// The server of http-cache-tests on a free port of loopback; its own start takes a fixed port on all addresses.
import { createServer } from 'node:http'
import config from 'http-cache-tests/server/handle-config.mjs'
import state from 'http-cache-tests/server/handle-state.mjs'
import test from 'http-cache-tests/server/handle-test.mjs'

const handlers = { config, state, test }

const server = createServer((request, response) => {
  const [, what, ...rest] = new URL(request.url, 'http://origin/').pathname.split('/')
  const handle = handlers[what]
  if (handle) return handle(rest, request, response)
  response.writeHead(404).end()
})
server.listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`))
