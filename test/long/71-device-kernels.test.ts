/** The device's passes, executed on the CPU in more thread orders, on more devices, and under AddressSanitizer and ThreadSanitizer. */
import t from 'tap'
import type { Variant } from '../support/emulated'
import { BUILD_LIMIT, nothingDiffers, runDeviceProgram, testDevices } from '../support/device-program'

t.setTimeout(6 * BUILD_LIMIT)

const SANITIZED: readonly { variant: Variant; order: string; args: readonly string[] }[] = [
  { variant: 'address', order: 'forward', args: ['--quick'] },
  { variant: 'address', order: 'random:4', args: ['--tiny'] },
  // Every kernel, counter and graph; more lengths would only repeat them, slowly.
  { variant: 'thread', order: 'random:5', args: ['--tiny', '--only', 'golden,counters,graphs,ways'] },
]
for (const [order, seed] of [
  ['reverse', 2],
  ['random:1', 11],
  ['random:2', 12],
  ['random:3', 13],
] as const) {
  t.test(`plain, threads in the order ${order}`, { timeout: BUILD_LIMIT }, async (t) => {
    const args = ['--quick', '--seed', `${seed}`]
    const env = { CUDA_ON_CPU_ORDER: order }
    nothingDiffers(t, await runDeviceProgram(t, { variant: 'plain', args, env }))
  })
}

testDevices('--quick')

for (const { variant, order, args } of SANITIZED) {
  t.test(
    `under the ${variant} sanitizer, threads in the order ${order}`,
    { timeout: 2 * BUILD_LIMIT },
    async (t) => {
      // As little memory as reading ahead needs: less is too much for the chip.
      const env = { CUDA_ON_CPU_ORDER: order, CUDA_ON_CPU_SHARED: '65536' }
      nothingDiffers(t, await runDeviceProgram(t, { variant, args, env }))
    },
  )
}
