/** jumpout/tfjs as users load it: with and without its peers, by import and by require, in two copies. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { root, runNode } from './support/program'

/** A project with a copy of the package and links to some packages of TensorFlow.js. */
function project(folder: string, peers: readonly string[], copies = ['jumpout']): void {
  for (const name of copies) {
    const copy = join(folder, 'node_modules', name)
    mkdirSync(join(copy, 'build'), { recursive: true })
    for (const part of ['package.json', 'dist'])
      cpSync(join(root, part), join(copy, part), { recursive: true })
    symlinkSync(join(root, 'build', 'Release'), join(copy, 'build', 'Release'), 'dir')
  }
  mkdirSync(join(folder, 'node_modules', '@tensorflow'))
  for (const name of peers)
    symlinkSync(
      join(root, 'node_modules', '@tensorflow', name),
      join(folder, 'node_modules', '@tensorflow', name),
      'dir',
    )
}

const ALL = ['tfjs-core', 'tfjs-layers', 'tfjs-backend-cpu']

async function run(cwd: string, program: string, module = false): Promise<unknown> {
  const { code, stdout, stderr } = await runNode(
    [...(module ? ['--input-type=module'] : []), '--eval', program],
    { cwd },
  )
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

const told = (load: string) => `
  try { ${load}; console.log('null') }
  catch ({ code, message }) { console.log(JSON.stringify({ code, message })) }`

/** What a process says that imports this. Node 20 ends it, even if what an import of CommonJS throws is caught. */
const importing = async (cwd: string, name: string): Promise<string> =>
  (await runNode(['--input-type=module', '--eval', `import '${name}'`], { cwd })).stderr

t.test('in projects', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'jumpout tfjs '))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const folderOf = (name: string, peers: readonly string[], copies?: string[]): string => {
    project(join(folder, name), peers, copies)
    return join(folder, name)
  }

  t.test('without TensorFlow.js', async (t) => {
    const cwd = folderOf('none', [])
    const expected = { code: 'ERR_NO_TFJS', message: /@tensorflow\/tfjs-core/ }
    t.match(await run(cwd, told(`require('jumpout/tfjs')`)), expected)
    t.match(await importing(cwd, 'jumpout/tfjs'), /Error: Expected @tensorflow\/tfjs-core .*ERR_NO_TFJS/s)
    t.equal(await run(cwd, told(`require('jumpout')`)), null, 'the rest of the package needs none')
    t.equal(await importing(cwd, 'jumpout'), '')
  })

  t.test('with the core alone', async (t) => {
    const cwd = folderOf('core', ['tfjs-core', 'tfjs-backend-cpu'])
    const program = `
      const tf = require('@tensorflow/tfjs-core')
      require('@tensorflow/tfjs-backend-cpu')
      const { jumpout, jumpoutOp } = require('jumpout/tfjs')
      const { length } = jumpoutOp(tf.ones([5]), { seed: 1 }).dataSync()
      try { jumpout() } catch ({ code, message }) { console.log(JSON.stringify({ length, code, message })) }`
    t.match(await run(cwd, program), { length: 5, code: 'ERR_NO_TFJS', message: /@tensorflow\/tfjs-layers/ })
  })

  const USES = `
    const x = tf.ones([40])
    const own = jumpout({ inputShape: [40] })
    const known = tf.serialization.SerializationMap.getMap().classNameMap.Jumpout[0]
    console.log(JSON.stringify([own instanceof tfl.layers.Layer, own instanceof known, jumpoutOp(x, { seed: 1 }).size]))`

  t.test('by import and by require, before and after TensorFlow.js', async (t) => {
    const cwd = folderOf('all', ALL)
    const tfjs = [
      `import * as tf from '@tensorflow/tfjs-core'`,
      `import * as tfl from '@tensorflow/tfjs-layers'`,
      `import '@tensorflow/tfjs-backend-cpu'`,
    ].join('\n')
    const ours = `import { jumpout, jumpoutOp } from 'jumpout/tfjs'`
    const required = (source: string) =>
      source
        .replace(/import (?:\* as )?(.+) from ('.+')/g, 'const $1 = require($2)')
        .replace(/import ('.+')/g, 'require($1)')
    for (const source of [`${tfjs}\n${ours}`, `${ours}\n${tfjs}`]) {
      t.strictSame(await run(cwd, source + USES, true), [true, true, 40])
      t.strictSame(await run(cwd, required(source) + USES), [true, true, 40])
    }
    t.strictSame(
      await run(
        cwd,
        `import * as imported from 'jumpout/tfjs'
         import { createRequire } from 'node:module'
         const required = createRequire(process.cwd() + '/')('jumpout/tfjs')
         console.log(JSON.stringify(Object.keys(required).filter((name) => imported[name] === required[name])))`,
        true,
      ),
      ['jumpout', 'jumpoutOp'],
    )
  })

  t.test('TensorFlow.js that this package does not find, as with pnpm and in linked folders', async (t) => {
    const cwd = folderOf('hidden', [])
    const tfjs = JSON.stringify(join(root, 'node_modules', '@tensorflow'))
    const program = `
      const tf = require(${tfjs} + '/tfjs-core'), tfl = require(${tfjs} + '/tfjs-layers')
      require(${tfjs} + '/tfjs-backend-cpu')
      const { jumpout, jumpoutOp } = require('jumpout/tfjs')`
    t.strictSame(await run(cwd, program + USES), [true, true, 40])
  })

  t.test('two copies in one process', async (t) => {
    const cwd = folderOf('two', ALL, ['jumpout', 'other'])
    const program = `
      const said = []
      console.warn = (...words) => said.push(words.join(' '))
      const tf = require('@tensorflow/tfjs-core'), tfl = require('@tensorflow/tfjs-layers')
      require('@tensorflow/tfjs-backend-cpu')
      tf.ones([1])
      said.length = 0 // what tfjs says of its backend
      const copies = ['jumpout', 'other'].map((name) => require('./node_modules/' + name + '/dist/tfjs.js'))
      const x = tf.randomNormal([50, 20], 0, 1, 'float32', 1)
      const [first, second] = copies.map(({ jumpoutOp }) => {
        const f = (x) => jumpoutOp(x, { seed: 1, relu: true })
        return [f(x), tf.grad(f)(x)].map((tensor) => [...tensor.dataSync()])
      })
      const saved = copies.map(({ jumpout }) => {
        const model = tfl.sequential({ layers: [jumpout({ inputShape: [20], seed: 2, calls: 5 })] })
        return model.toJSON(null, false)
      })
      const drawn = Promise.all(saved.map(async (json) => {
        const model = await tfl.models.modelFromJSON(json)
        return [...model.apply(x, { training: true }).dataSync()]
      }))
      drawn.then(([one, two]) => console.log(JSON.stringify({
        said, apart: copies[0].jumpoutOp !== copies[1].jumpoutOp,
        same: String(first) === String(second) && String(one) === String(two),
      })))`
    t.strictSame(await run(cwd, program), { said: [], apart: true, same: true })
  })
})
