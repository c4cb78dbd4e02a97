/** Packages of a release from the build in the tree, where the cross compiler would take minutes. */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { native } from 'jumpout'
import { root } from './program'

export interface Platform {
  readonly name: string
  readonly libc?: string
}

export interface Packed {
  readonly file: string
  readonly size: number
  readonly unpackedSize: number
  readonly floor: string
  readonly tried: string
}

export interface Builder {
  build(platform: Platform, folder: string): { floor: string; tried: string; isa: string }
  contents(platform: Platform): object
}

export const { packMain, packPlatform } = require('../../scripts/release/pack') as {
  packMain(release: string): Packed
  packPlatform(release: string, platform: Platform, builder: Builder): Promise<Packed>
}
export const platforms = require('../../scripts/release/platforms') as Platform[]

/** Stands for the cross compiler: the files of the build in the tree. */
export const builder: Builder = {
  build(_platform, folder) {
    const built = join(root, 'build', 'Release')
    for (const name of [
      'jumpout.node',
      'include',
      join('lib', 'cmake'),
      native.library.slice(built.length + 1),
      native.tensorflow.slice(built.length + 1),
    ])
      cpSync(join(built, name), join(folder, name), { recursive: true })
    return { floor: 'glibc 2.17', tried: 'Node', isa: 'avx2' }
  },
  contents: ({ name }) => ({ bomFormat: 'CycloneDX', name }),
}
