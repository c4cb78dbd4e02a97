/** Work on the thread pool that may be called off for as long as it has not begun. */
import { invalidType } from './errors'

/** As csrc/node/background.hpp has them. */
const WAITING = 0
const CALLED_OFF = 2

export function readSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined) return undefined
  const { aborted, addEventListener } = Object(value) as Partial<AbortSignal>
  if (typeof value !== 'object' || typeof aborted !== 'boolean' || typeof addEventListener !== 'function') {
    throw invalidType('an AbortSignal', 'options.signal', value)
  }
  return value as AbortSignal
}

/** Those who wait for one signal, behind one listener: Node warns where there are more than ten. */
class Waiting {
  readonly callOffs = new Set<() => void>()
  readonly #signal: AbortSignal
  readonly #tell = (): void => this.callOffs.forEach((callOff) => callOff())

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', this.#tell)
  }

  /** Whether nobody is left. */
  end(callOff: () => void): boolean {
    this.callOffs.delete(callOff)
    if (this.callOffs.size > 0) return false
    this.#signal.removeEventListener('abort', this.#tell)
    return true
  }
}

const waitingFor = new WeakMap<AbortSignal, Waiting>()

function wait(signal: AbortSignal, callOff: () => void): () => void {
  const waiting = waitingFor.get(signal) ?? new Waiting(signal)
  waitingFor.set(signal, waiting)
  waiting.callOffs.add(callOff)
  return () => {
    if (waiting.end(callOff)) waitingFor.delete(signal)
  }
}

/**
 * Settles as the work does, or rejects with `signal.reason` as soon as it is aborted before the work begins, which then
 * never does. Whoever changes `turn` first decides: the thread that begins, or this one.
 *
 * @param start starts the work, which looks at `turn` before it writes anything
 */
export async function unlessAborted(
  signal: AbortSignal | undefined,
  start: (turn: Int32Array | undefined) => Promise<void>,
): Promise<void> {
  if (signal === undefined) return start(undefined)
  signal.throwIfAborted()
  const turn = new Int32Array(1)
  let stopWaiting: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    stopWaiting = wait(signal, () => {
      if (Atomics.compareExchange(turn, 0, WAITING, CALLED_OFF) === WAITING) reject(signal.reason as Error)
    })
  })
  try {
    await Promise.race([start(turn), aborted])
  } finally {
    stopWaiting?.()
  }
}
