/** Imported first: tap has begun, so that a mutant that throws while the package is loaded fails a test. */
import t from 'tap'

t.pass('tap has begun')
