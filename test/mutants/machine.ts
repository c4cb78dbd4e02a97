/** The machine that results name. */
import { cpus } from 'node:os'
import { version } from 'node:process'

export interface Machine {
  cpu: string
  cores: number
  node: string
}

export const machine = (): Machine => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  node: version,
})
