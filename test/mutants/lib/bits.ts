/** Tests of what is computed, in one process. */
import './begin'
import '../../26-shards.test'
import '../../29-channels-last.test'
