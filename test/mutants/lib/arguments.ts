/** The tests of arguments, options, layers and their errors, in one process: a mutant costs one start of Node. */
import './begin'
import '../../35-option-names.test'
import '../../40-layer.test'
import '../../30-arguments.test'
import '../../41-checkpoint.test'
import '../../42-layer-call.test'
import '../../50-runtime.test'
import '../../57-descriptor.test'
