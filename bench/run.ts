import { fork } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { runtime } from 'jumpout'
import { withAims } from './aims'
import { installPeers, peersInstalled, peerVersions } from './competitors/peers'
import { commit, machine, machineSlug, root } from './machine'
import type { Report, Table } from './report'
import { loadSuite, suiteNames, type SuiteName } from './suites'
import { renderTable } from './table'

async function help(): Promise<string> {
  const suites = await Promise.all(
    suiteNames.map(async (name) => `  ${name.padEnd(10)}${(await loadSuite(name)).summary}`),
  )
  return `npm run bench -- [options]

Measures jumpout on this machine, each suite in a process of its own, each result checked before it is timed.

  --only <suite,...>  these suites alone
  --quick             seconds instead of minutes: few, small sizes; nothing is written unless --out is given
  --no-peers          do not install what is compared with (bench/peers); left out where it is not there yet
  --peers             install it for a quick run too
  --out <folder>      where <suite>-<machine>.json goes; default bench/out, which is not tracked
  --publish           write to bench/results instead: what npm run bench:table makes the README's figures from
  --help              this text

${suites.join('\n')}`
}

function parseFlags() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      peers: { type: 'boolean', default: false },
      'no-peers': { type: 'boolean', default: false },
      out: { type: 'string' },
      publish: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.publish && (values.quick || values.out !== undefined))
    throw new Error('--publish is for full runs, and chooses the folder: leave out --quick and --out')
  const only = values.only?.split(',') ?? [...suiteNames]
  const unknown = only.find((name) => !(suiteNames as readonly string[]).includes(name))
  if (unknown !== undefined)
    throw new Error(`there is no suite '${unknown}'; there are ${suiteNames.join(', ')}`)
  const peers = only.includes('peers') && !values['no-peers'] && (values.peers || !values.quick)
  return { ...values, peers, only: only as SuiteName[] }
}

/** A fresh process per suite, so that suites share no heap, compiled code or pools. */
function measureApart(
  name: SuiteName,
  quick: boolean,
  environment: Record<string, string> = {},
): Promise<Table> {
  return new Promise((resolve, reject) => {
    const args = [name, quick ? 'quick' : 'full']
    const child = fork(join(__dirname, 'child.ts'), args, { env: { ...process.env, ...environment } })
    let table: Table | undefined
    child.on('message', (message) => (table = message as Table))
    child.on('error', reject)
    child.on('close', (code) => {
      if (table && code === 0) resolve(table)
      else reject(new Error(`the suite '${name}' ended with exit code ${code}`))
    })
  })
}

function tryToInstallPeers() {
  try {
    installPeers()
  } catch (error) {
    console.error(`The peers could not be installed and are left out: ${(error as Error).message}`)
  }
}

function versions(): Record<string, string> {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  return {
    jumpout: version,
    isa: runtime.cpu.isa,
    node: process.version,
    v8: process.versions.v8,
    ...peerVersions(),
  }
}

async function main() {
  const flags = parseFlags()
  if (flags.help) {
    console.log(await help())
    return
  }
  if (flags.peers && !peersInstalled()) tryToInstallPeers()
  const folder =
    flags.out ?? (flags.quick ? undefined : join(root, 'bench', flags.publish ? 'results' : 'out'))
  console.log(`${machine.cpu}, ${machine.cores} cores, ${runtime.cpu.isa}, Node ${process.version}`)

  for (const name of flags.only) {
    const suite = await loadSuite(name)
    const obstacle = suite.unavailable?.()
    if (obstacle !== undefined) {
      console.log(`\n${name}: left out, ${obstacle}`)
      continue
    }
    const table = withAims(name, await measureApart(name, flags.quick, suite.environment))
    console.log(renderTable(table))
    if (folder === undefined) continue
    const report: Report = {
      suite: name,
      date: new Date().toISOString(),
      commit: commit(),
      quick: flags.quick,
      machine,
      versions: versions(),
      ...table,
    }
    mkdirSync(folder, { recursive: true })
    const file = join(folder, `${name}-${machineSlug}.json`)
    writeFileSync(file, JSON.stringify(report, null, 2) + '\n')
    console.log(`-> ${relative(process.cwd(), file)}`)
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
