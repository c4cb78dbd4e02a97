/** WebAssembly's memory, whose types come with a browser's library alone. */
interface Memory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}
interface MemoryDescriptor {
  initial: number
  maximum?: number
  shared?: boolean
}

const { WebAssembly } = globalThis as unknown as {
  WebAssembly: { Memory: new (descriptor: MemoryDescriptor) => Memory }
}

export const PAGE_BYTES = 65536

export const wasmMemory = (descriptor: MemoryDescriptor): Memory => new WebAssembly.Memory(descriptor)
