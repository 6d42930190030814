// A front end that knows no host but its own: a WebSocket, and a completion shown as it comes.
const shown = id => document.getElementById(id)

// Opens a WebSocket, says `text` and shows what is said back.
window.echo = text => new Promise((resolve, reject) => {
  const socket = new WebSocket(`wss://${location.host}/socket`)
  socket.onopen = () => socket.send(text)
  socket.onerror = () => reject(new Error('the WebSocket failed'))
  socket.onmessage = ({ data }) => {
    shown('echo').textContent = data
    socket.onclose = ({ code, wasClean }) => resolve({ data, code, wasClean })
    socket.close(1000)
  }
})

// Asks for a completion; says how many pieces came, and how often what is shown grew.
window.complete = async text => {
  const answer = await fetch('/api/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'demo/echo', stream: true, messages: [{ role: 'user', content: text }] })
  })
  const pieces = answer.body.pipeThrough(new TextDecoderStream()).getReader()
  const told = { status: answer.status, type: answer.headers.get('content-type'), pieces: 0, grew: 0, ended: false }
  let rest = ''
  for (let piece = await pieces.read(); !piece.done; piece = await pieces.read()) {
    told.pieces += 1
    const events = (rest + piece.value).split('\n\n')
    rest = events.pop()
    for (const event of events) show(event.replace(/^data: /, ''), told)
  }
  return { ...told, text: shown('answer').textContent }
}

function show(data, told) {
  if (data === '[DONE]') return void (told.ended = true)
  const words = JSON.parse(data).choices[0]?.delta.content ?? ''
  if (words) told.grew += 1
  shown('answer').textContent += words
}
