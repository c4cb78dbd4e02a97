'use strict'
// How many compilers run at once.

const os = require('node:os')

const MIB = 1024 * 1024
/** What one compiler takes at most, with room to spare: 214 MiB were measured for a .cpp file, 318 MiB for a .cu file. */
const JOB_BYTES = { cpp: 256 * MIB, cuda: 384 * MIB }

/** The first of these that is set counts. */
const VARIABLES = ['CMAKE_BUILD_PARALLEL_LEVEL', 'JOBS', 'npm_config_jobs']

/**
 * The first variable that holds a number >= 1 is obeyed. `max`, as node-gyp has it, and none mean: one compiler per core,
 * but no more than free memory holds.
 */
function buildJobs({ environment, cores, freeBytes, cuda }) {
  for (const name of VARIABLES) {
    const text = environment[name]?.trim() ?? ''
    if (/^max$/i.test(text)) break
    if (/^[1-9]\d*$/.test(text)) return Number(text)
  }
  const held = Math.floor(freeBytes / (cuda ? JOB_BYTES.cuda : JOB_BYTES.cpp))
  return Math.max(1, Math.min(cores, held))
}

/** Bytes that new processes can have; the limit of a container counts. */
function freeMemory() {
  if (process.platform === 'darwin') return os.totalmem() / 2 // what is free there leaves out what is kept for files
  const container = process.constrainedMemory?.()
  return Math.min(os.freemem(), process.availableMemory?.() ?? Infinity, container > 0 ? container : Infinity)
}

/** For this machine and environment. */
const ownBuildJobs = (cuda) =>
  buildJobs({
    environment: process.env,
    cores: os.availableParallelism?.() ?? os.cpus().length,
    freeBytes: freeMemory(),
    cuda,
  })

module.exports = { buildJobs, ownBuildJobs }
