// The floor: node:http answering bytes made beforehand. ANSWERS holds, by path, what the service answered there.
import { createServer } from 'node:http'

interface FixedAnswer {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string
}

const answers: Record<string, FixedAnswer> = JSON.parse(process.env.ANSWERS ?? '{}')

const server = createServer((request, response) => {
  const answer = answers[request.url ?? '']
  if (!answer) return void response.writeHead(404).end()
  response.writeHead(answer.status, answer.headers).end(answer.body)
})
server.listen(Number(process.env.PORT), '127.0.0.1', () => console.log(JSON.stringify({ port: Number(process.env.PORT) })))
