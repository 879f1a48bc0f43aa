// Session checks of users drawn at random from a filled database, as many as so many keep-alive connections carry; autocannon sends one cookie only.
// Prints one JSON line. Usage: node random-load.ts '{"url":…,"users":…,"connections":…,"seconds":…}'
import { Agent, get } from 'node:http'
import { tokenOf } from './made-users.ts'

const { url, users, connections, seconds } = JSON.parse(process.argv[2] ?? '{}')
const agent = new Agent({ keepAlive: true, maxSockets: connections })
const end = performance.now() + seconds * 1_000

function check(): Promise<void> {
  const cookie = `session_id=${tokenOf(Math.floor(Math.random() * users))}`
  return new Promise((resolve, reject) => {
    get(url, { agent, headers: { cookie } }, (response) => {
      response
        .resume()
        .on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error(`${url} answered ${response.statusCode}`))))
    }).on('error', reject)
  })
}

let requests = 0
await Promise.all(
  Array.from({ length: connections }, async () => {
    while (performance.now() < end) {
      await check()
      requests++
    }
  }),
)
agent.destroy()
console.log(JSON.stringify({ requests, perSecond: requests / seconds }))
