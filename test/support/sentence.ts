/** Sentences of errors: tap takes a string for a part of the message, so that it misses what is too much. */

/** The whole message, and nothing more. */
export const whole = (sentence: string): RegExp =>
  new RegExp(`^${sentence.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`)
