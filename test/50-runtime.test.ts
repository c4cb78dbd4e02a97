/** `runtime`: the features of this build and this machine. */
import { existsSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { runtime } from 'jumpout'
import t from 'tap'
import { version } from '../package.json'

t.test('runtime', (t) => {
  t.equal(runtime.version, version)
  t.ok(isAbsolute(runtime.binary) && existsSync(runtime.binary), runtime.binary)
  t.ok(['avx512', 'avx2', 'neon', 'scalar'].includes(runtime.cpu.isa), runtime.cpu.isa)
  t.ok(Number.isInteger(runtime.cpu.threads) && runtime.cpu.threads >= 1, `${runtime.cpu.threads} threads`)
  t.equal(runtime.backend, runtime.cuda.available ? 'cuda' : 'cpu')
  t.equal(typeof runtime.cuda.compiled, 'boolean')
  t.ok(Array.isArray(runtime.cuda.devices))
  t.end()
})

t.test('without CUDA, `reason` says why', (t) => {
  if (runtime.cuda.available) {
    t.ok(runtime.cuda.devices.length > 0)
  } else {
    t.match(runtime.cuda.reason, /\w+ \w+/, 'in words')
    t.strictSame(runtime.cuda.devices, [])
  }
  t.end()
})

t.test('JUMPOUT_REQUIRE_CUDA=1 makes a missing GPU a failure', (t) => {
  if (process.env.JUMPOUT_REQUIRE_CUDA === '1') {
    t.ok(runtime.cuda.available, `CUDA is required: ${runtime.cuda.reason ?? 'available'}`)
  } else if (!runtime.cuda.available) {
    t.comment(`GPU tests are skipped: ${runtime.cuda.reason}`)
  }
  t.end()
})

t.test('it cannot be changed', (t) => {
  const { isa } = runtime.cpu
  try {
    ;(runtime.cpu as { isa: string }).isa = 'scalar?'
  } catch {
    t.pass('the attempt throws')
  }
  t.equal(runtime.cpu.isa, isa)
  t.end()
})
