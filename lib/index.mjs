export {
  allocate,
  countActive,
  foldIn,
  Jumpout,
  jumpoutBackward,
  jumpoutBackwardAsync,
  jumpoutForward,
  jumpoutForwardAsync,
  runtime,
} from './index.js'
