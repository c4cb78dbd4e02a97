/** Prints what the library says of itself. */
import { runtime } from 'jumpout'

console.log(JSON.stringify(runtime))
