/** Work on the thread pool that may be called off for as long as it has not begun. */
import { invalidType } from './errors'

/** As csrc/node/background.hpp has them. */
const WAITING = 0
const CALLED_OFF = 2

/** What is asked of an `AbortSignal`, whichever types it has: those of Node.js, of the DOM, or your own. */
export interface AbortSignalLike {
  readonly aborted: boolean
  /** What the promise rejects with. */
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

export function readSignal(value: unknown): AbortSignalLike | undefined {
  if (value === undefined) return undefined
  const { aborted, addEventListener } = Object(value) as Partial<AbortSignalLike>
  if (typeof value !== 'object' || typeof aborted !== 'boolean' || typeof addEventListener !== 'function') {
    throw invalidType('an AbortSignal', 'options.signal', value)
  }
  return value as AbortSignalLike
}

/** Those who wait for one signal, behind one listener: Node warns where there are more than ten. */
class Waiting {
  readonly callOffs = new Set<() => void>()
  readonly #signal: AbortSignalLike
  readonly #tell = (): void => this.callOffs.forEach((callOff) => callOff())

  constructor(signal: AbortSignalLike) {
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

const waitingFor = new WeakMap<AbortSignalLike, Waiting>()

function wait(signal: AbortSignalLike, callOff: () => void): () => void {
  const waiting = waitingFor.get(signal) ?? new Waiting(signal)
  waitingFor.set(signal, waiting)
  waiting.callOffs.add(callOff)
  return () => {
    if (waiting.end(callOff)) waitingFor.delete(signal)
  }
}

const reasonOf = ({ reason }: AbortSignalLike): Error => reason as Error

/**
 * Settles as the work does, or rejects with `signal.reason` as soon as it is aborted before the work begins, which then
 * never does. Whoever changes `turn` first decides: the thread that begins, or this one.
 *
 * @param start starts the work, which looks at `turn` before it writes anything
 */
export async function unlessAborted(
  signal: AbortSignalLike | undefined,
  start: (turn: Int32Array | undefined) => Promise<void>,
): Promise<void> {
  if (signal === undefined) return start(undefined)
  if (signal.aborted) throw reasonOf(signal)
  const turn = new Int32Array(1)
  let stopWaiting: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    stopWaiting = wait(signal, () => {
      if (Atomics.compareExchange(turn, 0, WAITING, CALLED_OFF) === WAITING) reject(reasonOf(signal))
    })
  })
  try {
    await Promise.race([start(turn), aborted])
  } finally {
    stopWaiting?.()
  }
}
