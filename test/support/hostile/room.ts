/** The room that cases run in: the package, and another realm. */
import type fc from 'fast-check'
import * as jumpout from 'jumpout'
import { createContext, runInContext } from 'node:vm'
import { type Case, casesOf, Runner } from './case'
import { type Entry, ROWS, surfaceOf } from './exports'
import type { Room } from './world'

export function newRoom(): Room {
  const context = createContext()
  return {
    jumpout,
    hasDevice: jumpout.runtime.cuda.available,
    foreign: (name) => runInContext(name, context) as unknown,
  }
}

export function roomWithCases(): { arbitrary: fc.Arbitrary<Case>; runner: Runner; surface: Entry[] } {
  const room = newRoom()
  const surface = surfaceOf(jumpout)
  return { surface, arbitrary: casesOf(surface, ROWS, room.hasDevice), runner: new Runner(room) }
}
