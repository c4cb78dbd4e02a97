import type { runtime } from 'jumpout'
import { type Invocation, type Outcome, runProgram } from './program'

export type Runtime = typeof runtime

/** `runtime` of a process with this environment, or its error. */
export async function runtimeWith(env: Invocation['env']): Promise<{ outcome: Outcome; runtime?: Runtime }> {
  const outcome = await runProgram('runtime.ts', [], { env })
  return outcome.code === 0 ? { outcome, runtime: JSON.parse(outcome.stdout) as Runtime } : { outcome }
}
