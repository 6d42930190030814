// A WebSocket server on a free port of loopback that echoes messages, compressed where the client offers that.
import { WebSocketServer } from 'ws'

// Messages of 16 MiB come in pieces of 64 bytes, too.
const LIMITS = { maxPayload: 64 * 1024 * 1024, maxFragments: 0, maxBufferedChunks: 0 }
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: true, ...LIMITS })
server.on('connection', socket => {
  // A protocol error is answered by the library; without a listener it would end the process.
  socket.on('error', () => {})
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary, compress: data.length > 0 }))
})
server.on('listening', () => console.log(`listening on http://127.0.0.1:${server.address().port}`))
