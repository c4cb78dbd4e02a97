/** Tests of the arrays that a call takes and makes, in one process. */
import './begin'
import '../../38-host-memory.test'
import '../../37-release.test'
import '../../31-memory-kinds.test'
import '../../33-async.test'
import '../../32-outputs.test'
