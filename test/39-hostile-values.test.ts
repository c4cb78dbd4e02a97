/** Every export with arbitrary JavaScript values: a result that is right or an error with its code, and no other effect. */
import t from 'tap'
import { checkHostileValues } from './support/hostile/checks'

t.test('on the host', (t) => checkHostileValues(t, 2000))
