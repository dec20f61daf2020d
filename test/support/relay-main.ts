/** Runs inside a network namespace: requests come in as lines of JSON, go out by `fetch`, and come back as lines. */
import { createInterface } from 'node:readline'

interface Asked {
  id: number
  url: string
  method: string
  headers: Record<string, string>
  body: string | null
}

for await (const line of createInterface({ input: process.stdin })) void answer(JSON.parse(line) as Asked)

async function answer({ id, url, method, headers, body }: Asked): Promise<void> {
  try {
    const response = await fetch(url, { method, headers, ...(body === null ? {} : { body }) })
    tell({ id, status: response.status, text: await response.text() })
  } catch (error) {
    tell({ id, error: String(error) })
  }
}

function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
