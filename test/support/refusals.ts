/** What a call is refused with: class, code and sentence. */

export interface Refusal {
  readonly name: string
  readonly code: string
  readonly message: RegExp
}

/** The whole sentence: tap takes a string for a part of the message, and misses what is too much. */
export const whole = (sentence: string): RegExp =>
  new RegExp(`^${sentence.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`)

export const refusal =
  (name: string, code: string) =>
  (sentence: string): Refusal => ({ name, code, message: whole(sentence) })

export const type = refusal('TypeError', 'ERR_INVALID_ARG_TYPE')
export const value = refusal('TypeError', 'ERR_INVALID_ARG_VALUE')
export const range = refusal('RangeError', 'ERR_OUT_OF_RANGE')
export const state = refusal('Error', 'ERR_INVALID_STATE')
