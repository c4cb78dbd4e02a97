/** A saved model goes on in another process, which has nothing of the first one but the file. */
import { join } from 'node:path'
import t from 'tap'
import { endedWell, runProgram } from './support/program'
import type { Backend } from './support/tfjs'
import { tfjsNodeFolder, withTfjsNode } from './support/tfjs-node'

const backends: readonly Backend[] = ['cpu', 'wasm', 'tensorflow']
for (const backend of backends) {
  t.test(`on ${backend}`, backend === 'tensorflow' ? withTfjsNode : {}, async (t) => {
    const folder = t.testdir({})
    const file = (name: string) => join(folder, name)
    /** The line before the last: a hash of all weights, and the call numbers of the layers. */
    const train = async (epochs: number, ...files: string[]) => {
      const env = { JUMPOUT_TFJS_NODE: tfjsNodeFolder }
      const outcome = await runProgram('tfjs-saved.ts', [backend, String(epochs), ...files], { env })
      endedWell(t, outcome, `${epochs} epochs`)
      return outcome.stdout.trimEnd().split('\n').at(-2)
    }
    const whole = await train(2, file('whole'))
    await train(1, file('half'))
    t.match(whole, /^[0-9a-f]{64} 6 6$/)
    t.equal(await train(1, file('rest'), file('half')), whole, 'weights and call numbers after going on')
  })
}
