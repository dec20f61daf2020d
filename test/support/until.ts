/** Waiting in tests: for a condition, with a deadline that fails loudly. The one place where tests look again and again. */

const LOOK_EVERY_MS = 20

/** Resolves with the first truthy answer of `look`; rejects after `withinMs`, naming `what` and the last answer. */
export async function until<T>(
  what: string,
  withinMs: number,
  look: () => Promise<T> | T
): Promise<NonNullable<T>> {
  const deadline = performance.now() + withinMs
  let last: unknown
  while (true) {
    try {
      const answer = await look()
      if (answer) return answer
      last = answer
    } catch (error) {
      last = error
    }
    if (performance.now() > deadline) {
      throw new Error(`not within ${withinMs} ms: ${what} (last: ${describe(last)})`, { cause: last })
    }
    await new Promise(resolve => setTimeout(resolve, LOOK_EVERY_MS))
  }
}

function describe(value: unknown): string {
  return value instanceof Error ? value.message : JSON.stringify(value)
}
