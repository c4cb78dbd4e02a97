/** What data-parallel training needs of MPI: Open MPI's library, bound by koffi, so that nothing is compiled. */

/** The processes of one run. Every rank makes the same calls in the same order. */
export interface Communicator {
  readonly rank: number
  readonly size: number
  /** Replaces `values` with their sums over all ranks, added in an order that MPI chooses. */
  sum(values: Float32Array | Float64Array): void
  /** The parts of all ranks, of one length, in the order of the ranks. */
  gather<T extends Float32Array | Uint32Array>(part: T): T
  close(): void
}

/** One process on its own, which needs no MPI. */
const alone: Communicator = {
  rank: 0,
  size: 1,
  sum: () => undefined,
  gather: (part) => part,
  close: () => undefined,
}

/** The ranks that mpirun started, or one process on its own. */
export const connect = async (): Promise<Communicator> =>
  process.env.OMPI_COMM_WORLD_SIZE === undefined ? alone : openMpi()

/** A failing call ends all ranks: that is MPI's default. */
async function openMpi(): Promise<Communicator> {
  const { default: koffi } = await import('koffi')
  const mpi = koffi.load('libmpi.so.40', { global: true }) // its plugins look its names up in the process
  const bind = (declaration: string) => mpi.func(declaration) as (...args: unknown[]) => number
  const allreduce = bind('int MPI_Allreduce(void *, void *, int, void *, void *, void *)')
  const allgather = bind('int MPI_Allgather(void *, int, void *, void *, int, void *, void *)')
  const constant = (name: string): unknown => mpi.symbol(`ompi_mpi_${name}`)
  const world = constant('comm_world')
  const types = {
    Float32Array: constant('float'),
    Float64Array: constant('double'),
    Uint32Array: constant('uint32_t'),
  }
  const typeOf = (array: Float32Array | Float64Array | Uint32Array) =>
    types[array.constructor.name as keyof typeof types]
  const ask = (call: (...args: unknown[]) => number) => {
    const answer = new Int32Array(1)
    call(world, answer)
    return answer[0]
  }

  bind('int MPI_Init(void *, void *)')(null, null)
  const size = ask(bind('int MPI_Comm_size(void *, void *)'))
  return {
    rank: ask(bind('int MPI_Comm_rank(void *, void *)')),
    size,
    sum(values) {
      allreduce(values.slice(), values, values.length, typeOf(values), constant('op_sum'), world)
    },
    gather(part) {
      const whole = new (part.constructor as new (length: number) => typeof part)(size * part.length)
      allgather(part, part.length, typeOf(part), whole, part.length, typeOf(part), world)
      return whole
    },
    close: () => void bind('int MPI_Finalize()')(),
  }
}
