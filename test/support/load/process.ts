/** Runs test/programs/load.ts, whose arguments and results these are. */
import { HANG, type Outcome, runProgram } from '../program'

export interface Settings {
  seed: number
  workers: number
  rounds: number
  /** Most acts of each chain per round, and most milliseconds of a round. */
  acts: number
  milliseconds: number
  /** Elements of the largest case. */
  longest: number
  device: boolean
  /** The addon of test/programs/held, and bytes that each act leaks on purpose. */
  held: string
  leak: number
}

/** While all threads rest. */
export interface Sample {
  /** So far. */
  calls: number
  /** Bytes in use: V8's heaps, memory of their objects, malloc's blocks. */
  used: number
  /** Bytes of pages. */
  resident: number
}

export interface Load {
  /** Acts by their way. */
  counts: Record<string, number>
  samples: Sample[]
  /** How many were open before the load; no more are after it. */
  handles: { resources: number; files: number; threads: number }
}

export async function runLoad(
  settings: Settings,
  env: Record<string, string> = {},
): Promise<{ outcome: Outcome; load?: Load }> {
  const timeout = HANG + 3 * settings.rounds * Math.min(settings.milliseconds, HANG)
  const outcome = await runProgram('load.ts', [JSON.stringify(settings)], { env, timeout })
  const load = outcome.code === 0 ? (JSON.parse(outcome.stdout) as Load) : undefined
  return { outcome, load }
}
