#!/usr/bin/env node
/**
 * What only the compiler can tell of the kernels:
 *
 *   node scripts/check-kernels.js resources BUILD.log   of a build with nvcc's -Xptxas=-v: no kernel spills or has a stack of
 *                                                       its own, and every architecture that is asked for has them all
 *   node scripts/check-kernels.js arithmetic [--curand INCLUDE]
 *                                                       compiles to PTX: no multiply and add of a rate, a threshold or a
 *                                                       scale is fused, for docs/numerics.md rounds each on its own
 *   node scripts/check-kernels.js code [NVDISASM]       what docs/tuning.md says of the machine code of sm_90, as a table;
 *                                                       no kernel is worse than it promises, or has local memory
 *
 * Needs nvcc for the second and the third. The exit status is 0 if all holds, else 1.
 */
'use strict'

const { execFileSync } = require('node:child_process')
const { mkdtempSync, openSync, readFileSync, readdirSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')

const root = join(__dirname, '..')

/** These contain the CUDA library's own log, sqrt, sincospi and pow, in which fused operations are exact on purpose. */
const LIBRARY = /normalOfWords|powerOf|normalOfCurand|__internal_accurate_pow/

class Failure extends Error {}

function demand(holds, sentence) {
  if (!holds) throw new Failure(sentence)
}

/** One entry per kernel and architecture: { name, architecture, registers, stack, spills, shared }. */
function kernelsOf(report) {
  const kernels = []
  for (const line of report.split('\n')) {
    const entry = /Compiling entry function '(\w+)' for 'sm_(\d+)\w*'/.exec(line)
    if (entry) kernels.push({ name: entry[1], architecture: entry[2], registers: 0, shared: 0 })
    const kernel = kernels[kernels.length - 1]
    const frame = /(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads/.exec(line)
    if (kernel && frame) {
      kernel.stack = (kernel.stack ?? 0) + Number(frame[1])
      kernel.spills = (kernel.spills ?? 0) + Number(frame[2]) + Number(frame[3])
    }
    const used = /Used (\d+) registers/.exec(line)
    if (kernel && used) kernel.registers = Number(used[1])
    const shared = /(\d+) bytes smem/.exec(line)
    if (kernel && shared) kernel.shared = Number(shared[1])
  }
  return kernels
}

function checkResources(kernels) {
  demand(kernels.length > 0, 'the report names no kernel: was it built with -Xptxas=-v?')
  for (const { name, architecture, registers, stack, spills } of kernels) {
    const where = `${name} on sm_${architecture}`
    demand(stack !== undefined && registers > 0, `${where}: the report is incomplete`)
    demand(spills === 0, `${where} spills ${spills} bytes`)
    demand(stack === 0, `${where} has ${stack} bytes of stack`)
  }
  const names = new Map()
  for (const { name, architecture } of kernels)
    names.set(architecture, (names.get(architecture) ?? new Set()).add(name))
  const all = new Set(kernels.map(({ name }) => name))
  for (const [architecture, own] of names)
    demand(own.size === all.size, `sm_${architecture} has ${own.size} of ${all.size} kernels`)
}

function refuses(report) {
  try {
    checkResources(kernelsOf(report))
    return false
  } catch (error) {
    if (error instanceof Failure) return true
    throw error
  }
}

function resources(file) {
  const kernels = kernelsOf(readFileSync(file, 'utf8'))
  checkResources(kernels)
  const broken = 'bytes stack frame, 4 bytes spill stores, 4 bytes spill loads'
  const spilled = `Compiling entry function 'k' for 'sm_90'\n 0 ${broken}\n Used 8 registers`
  demand(refuses(spilled), 'a report of spills went unnoticed')
  for (const architecture of new Set(kernels.map((kernel) => kernel.architecture))) {
    const own = kernels.filter((kernel) => kernel.architecture === architecture)
    const most = (field) => Math.max(...own.map((kernel) => kernel[field]))
    console.log(
      `sm_${architecture}: ${own.length} kernels, no spills, no stack, at most ${most('registers')} registers ` +
        `and ${most('shared')} bytes of static shared memory`,
    )
  }
}

/** The functions and kernels of a PTX file that contain a fused multiply-add. */
function fusedIn(ptx) {
  const found = new Map()
  let name = '(none)'
  for (const line of ptx.split('\n')) {
    const start = /\.(?:func|entry)\s+(?:\(.*?\)\s*)?(\w+)/.exec(line)
    if (start) name = start[1]
    if (/^\s*(?:@!?%\w+\s+)?fma\./.test(line)) found.set(name, (found.get(name) ?? 0) + 1)
  }
  return found
}

const sourcesOf = (pattern) => {
  const sources = readdirSync(join(root, 'csrc', 'cuda', 'kernels')).filter((file) => pattern.test(file))
  demand(sources.length > 0, 'no kernels were found')
  return sources
}

function compile(folder, source, flags, said = 'inherit') {
  const nvcc = process.env.CUDACXX ?? 'nvcc'
  const output = join(folder, `${source}.out`)
  const include = ['-I', join(root, 'csrc'), '-I', join(root, 'csrc', 'include')]
  const fixed = ['-std=c++17', '-O3', ...include]
  execFileSync(nvcc, [...fixed, ...flags, join(root, 'csrc', 'cuda', 'kernels', source), '-o', output], {
    stdio: ['inherit', 'inherit', said],
  })
  return output
}

function withFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), 'jumpout-kernels-'))
  try {
    return work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function arithmetic(options) {
  const at = options.indexOf('--curand')
  const curand = at < 0 ? [] : ['-DJUMPOUT_HAVE_CURAND=1', '-isystem', options[at + 1]]
  const sources = sourcesOf(/\.cu$/)
  withFolder((folder) => {
    const fusedBy = (source, fusing) => {
      const flags = ['-ptx', '-arch=compute_90', '-DJUMPOUT_LIBRARY_APART', `-fmad=${fusing}`, ...curand]
      return [...fusedIn(readFileSync(compile(folder, source, flags), 'utf8'))]
    }
    let inLibrary = 0
    for (const source of sources) {
      for (const [name, count] of fusedBy(source, false)) {
        demand(LIBRARY.test(name), `${source}: ${name} has ${count} fused multiply-adds`)
        inLibrary += count
      }
    }
    demand(inLibrary > 0, 'not even the library functions have fused multiply-adds: this check sees nothing')
    const kernels = sources.find((source) => source.startsWith('kernels'))
    demand(
      fusedBy(kernels, true).some(([name]) => !LIBRARY.test(name)),
      `-fmad=true fuses nothing in ${kernels}: this check would not see it`,
    )
    console.log(
      `${sources.join(', ')}: nothing is fused outside the ${inLibrary} places in library functions`,
    )
  })
}

/** Philox's two multipliers, as nvdisasm prints them. */
const PHILOX = /-0x2daee0ad|-0x326172a9|0xd2511f53|0xcd9e8d57/

const INSTRUCTION = /^\s*\/\*[0-9a-f]+\*\/\s+(.*);/

const instructionsOf = (lines) => lines.flatMap((line) => INSTRUCTION.exec(line)?.[1].trim() ?? [])

/** The instructions of each loop of a kernel, from a label to a branch that goes back to it: inner ones come first. */
function loopsOf(lines) {
  const labels = new Map()
  const instructions = []
  const loops = []
  for (const line of lines) {
    const label = /^\s*(\.L_x_\d+):/.exec(line)
    if (label) labels.set(label[1], instructions.length)
    const instruction = INSTRUCTION.exec(line)
    if (!instruction) continue
    instructions.push(instruction[1].trim())
    const back = labels.get(/BRA.*`\((\.L_x_\d+)\)/.exec(instruction[1])?.[1])
    if (back !== undefined)
      loops.push({ from: back, to: instructions.length, code: instructions.slice(back) })
  }
  return loops
}

/** The loops over whole tiles, the innermost ones with 16-byte loads: first those that do most with an instruction. */
function tileLoopsOf(lines, elementBytes) {
  const found = []
  for (const { from, to, code } of loopsOf(lines)) {
    const number = (pattern) => code.filter((instruction) => pattern.test(instruction)).length
    const [loads, stores] = [number(/LDG\S*\.128/), number(/STG\S*\.128/)]
    if (loads === 0 || found.some((inner) => inner.from >= from && inner.to <= to)) continue
    const elements = (loads * 16) / elementBytes
    found.push({ from, to, code, stores, each: code.length / elements, philox: number(PHILOX) / elements })
  }
  return found.sort((a, b) => a.each - b.each)
}

/** On chip one loop counts and one sweeps, and may read what it sweeps later. */
function sweepOf(loops) {
  const [sweep] = loops.filter(({ stores }) => stores > 0).sort((a, b) => a.code.length - b.code.length)
  return sweep
}

const isCopy = (instruction) => /LDGSTS\S*128/.test(instruction)

const repeated = (code, times) => Array.from({ length: times }, () => code).flat()

/** How many 16-byte loads of a lane are on their way at once, at most: what reads one has waited for it and those before it. */
function inFlight(instructions) {
  let [most, loads, copies, groups] = [0, [], [], 0]
  for (const instruction of instructions) {
    const [, name, operands] = /^(?:@!?U?P\w+ )?(\S+)\s*(.*)$/.exec(instruction)
    const read = [...operands.matchAll(/\bR(\d+)/g)].map(([, register]) => Number(register))
    const isLoad = /^LDG\.\S*128/.test(name)
    const last = loads.findLastIndex((to) =>
      (isLoad ? read.slice(1) : read).some((register) => register >= to && register < to + 4),
    )
    loads = loads.slice(last + 1)
    // LDGSTS copies into shared memory, LDGDEPBAR ends a group of copies, DEPBAR waits for all but the last groups.
    const left = /^DEPBAR/.test(name) && /SB0, 0x(\w+)/.exec(operands)
    if (left) copies = copies.filter((group) => group >= groups - parseInt(left[1], 16))
    if (name === 'LDGDEPBAR') groups += 1
    if (/^LDGSTS\S*128/.test(name)) copies.push(groups)
    if (isLoad) loads.push(read[0])
    most = Math.max(most, loads.length + copies.length)
  }
  return most
}

const NAMED = /^\.text\.(_ZN7jumpout4cuda\d+(count|apply|backward|onChip|warpRows)KernelI\w*)/
const CLUSTER_ROWS = /^\.text\._ZN7jumpout4cuda\d+blockRowsKernelI\w*Lb1EEE/
const GATED = /LNS0_4GateE1E/
const GROUPED = /Lb1EEE/

/** Instructions per element at most, 16-byte loads in flight at least, registers at most: float32, and the 16-bit dtypes. */
const PROMISED = {
  count: [
    [3.5, 8, 64],
    [4.5, 8, 64],
  ],
  apply: [
    [17.5, 2, 48],
    [16, 2, 48],
  ],
  'apply with ReLU': [
    [21.5, 2, 48],
    [19, 2, 48],
  ],
  backward: [
    [7, 4, 40],
    [7.5, 2, 40],
  ],
  onChip: [
    [7.5, 24, 128],
    [8.5, 20, 128],
  ],
  warpRows: [
    [50, 8, 128],
    [50, 4, 128],
  ],
  'warpRows with ReLU': [
    [50, 8, 128],
    [50, 4, 128],
  ],
  'onChip with ReLU': [
    [7.5, 24, 128],
    [8.5, 20, 128],
  ],
  'onChip, its sweep': [
    [20, 8, 128],
    [21, 8, 128],
  ],
  'onChip with ReLU, its sweep': [
    [25, 8, 128],
    [24, 8, 128],
  ],
}

function code(nvdisasm = 'nvdisasm') {
  const [load, use] = ['LDG.E.128 R4, desc[UR4][R2.64]', 'FSETP.GT.AND P0, PT, R5, RZ, PT']
  demand(
    inFlight([load, use, load]) === 1 && inFlight([load, load, use]) === 2,
    'loads in flight are not seen',
  )
  console.log(
    '| kernel | registers | instructions per element | of them Philox’s multiplications | 16-byte loads in flight |',
  )
  console.log('| --- | --- | --- | --- | --- |')
  withFolder((folder) => {
    for (const source of sourcesOf(/^kernels_.*\.cu$/)) {
      const report = join(folder, 'report')
      const flags = ['-cubin', '-arch=sm_90', '-fmad=false', '-Xptxas=-v']
      const cubin = compile(folder, source, flags, openSync(report, 'w'))
      const kernels = kernelsOf(readFileSync(report, 'utf8'))
      checkResources(kernels)
      const text = execFileSync(nvdisasm, ['-c', cubin], { encoding: 'utf8', maxBuffer: 2 ** 28 })
      demand(!/\b(LDL|STL)\b/.test(text), `${source} uses local memory`)
      const dtype = /kernels_(\w+)/.exec(source)[1]
      const checked = new Set()
      for (const section of text.split(/^(?=\.text\.)/m)) {
        if (CLUSTER_ROWS.test(section)) {
          // One warp per block waits for its stores before the others' counts; all warps would wait for those of the last row.
          const waits = instructionsOf(section.split('\n')).filter((name) => name.startsWith('MEMBAR.ALL'))
          demand(waits.length === 1, `${source}: rows in clusters wait for stores at ${waits.length} places`)
          checked.add(section.slice(0, section.indexOf('\n')))
        }
        const [, name, kind] = NAMED.exec(section) ?? []
        if (name === undefined || GROUPED.test(name)) continue
        const lines = section.split('\n')
        const loops = tileLoopsOf(lines, dtype === 'float32' ? 4 : 2)
        const loop = loops[0]
        demand(loop, `${name}: no loop with 16-byte loads was found`)
        const { registers } = kernels.find((kernel) => kernel.name === name)
        const label = `${kind}${GATED.test(name) ? ' with ReLU' : ''}`
        // `streaming` of the accesses leave the second-level cache to the input that waits there.
        const check = (part, { each, philox, code }, loads, streaming = 0) => {
          console.log(
            `| \`${part.replace(kind, `${kind}Kernel\``)}, ${dtype} | ${registers} | ${each.toFixed(1)} | ` +
              `${philox.toFixed(1)} | ${loads} |`,
          )
          const [more, least, most] = PROMISED[part][dtype === 'float32' ? 0 : 1]
          demand(each <= more, `${part}, ${dtype}: more than ${more} instructions per element`)
          demand(loads >= least, `${part}, ${dtype}: fewer than ${least} loads in flight`)
          demand(registers <= most, `${part}, ${dtype}: more than ${most} registers`)
          const accesses = code.filter((instruction) => /(LDG|STG)\S*\.128/.test(instruction))
          const first = accesses.filter((instruction) => instruction.includes('.E.EF.128'))
          demand(first.length === Math.round(streaming * accesses.length), `${part}, ${dtype}: evict-first`)
          checked.add(part)
        }
        if (kind === 'onChip') {
          const sweep = sweepOf(loops)
          demand(
            loop.code.some(isCopy) && sweep?.code.some(isCopy),
            `${name}: a loop that reads nothing ahead`,
          )
          check(label, loop, inFlight(instructionsOf(lines)))
          // Each store stands there twice: the tensor lies beyond the chip, or fits.
          check(`${label}, its sweep`, sweep, inFlight(repeated(sweep.code, 10)), 1 / 3)
        } else {
          check(label, loop, inFlight(repeated(loop.code, 2)), kind === 'apply' ? 1 : 0)
        }
        // The sweep may begin before the count is done; it has its first tiles underway when it waits for that.
        const all = instructionsOf(lines)
        const [load, wait, leave] = [/^LDG\S*128/, /^ACQBULK/, /^PREEXIT/].map((pattern) =>
          all.findIndex((instruction) => pattern.test(instruction)),
        )
        demand(kind === 'apply' ? load < wait : wait < 0, `${label}, ${dtype}: where it waits for the count`)
        demand(kind === 'count' ? leave >= 0 : leave < 0, `${label}, ${dtype}: the leave for the next kernel`)
      }
      demand(checked.size === Object.keys(PROMISED).length + 2, `${source} lacks kernels that were promised`)
    }
  })
}

const [command, ...rest] = process.argv.slice(2)
try {
  if (command === 'resources' && rest.length === 1) resources(rest[0])
  else if (command === 'arithmetic') arithmetic(rest)
  else if (command === 'code') code(rest[0])
  else throw new Failure('expected: resources BUILD.log, arithmetic [--curand INCLUDE], or code [NVDISASM]')
} catch (error) {
  if (!(error instanceof Failure) && error.status === undefined) throw error
  console.error(`check-kernels: ${error.message}`)
  process.exitCode = 1
}
