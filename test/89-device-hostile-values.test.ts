/** Every export with arbitrary JavaScript values, where there is a device. */
import './support/device'
import t from 'tap'
import { checkHostileValues } from './support/hostile/checks'

t.test('on a device', (t) => checkHostileValues(t, 1500))
