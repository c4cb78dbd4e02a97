/** Tests on emulated devices, in one process. */
import './begin'
import '../../56-inspect.test'
import '../../84-device-layer.test'
import '../../86-device-arguments.test'
