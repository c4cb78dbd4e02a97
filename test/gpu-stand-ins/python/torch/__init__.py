"""Instead of PyTorch on a GPU: every operation has some tensor as its result, every comparison holds, every event is as late
as the last one. It shows that torch_peers.py calls what there is, in an order that PyTorch allows; its times are made up
and never published. JUMPOUT_STAND_IN_TORCH=bfloat16: what is computed with that dtype is wrong."""

import contextlib
import os
import types

__version__ = "0.0+stand-in"


class dtype:
    def __init__(self, name):
        self.name = name

    def __str__(self):
        return f"torch.{self.name}"


float32, bfloat16 = dtype("float32"), dtype("bfloat16")


class device:
    def __init__(self, type):
        self.type = type


class Tensor:
    def __init__(self, size=1, dtype=float32):
        self.size, self.dtype, self.device, self.shape = size, dtype, device("cuda"), (size,)

    def numel(self):
        return self.size

    def to(self, dtype):
        return Tensor(self.size, dtype)

    def copy_(self, other):
        return self

    def __float__(self):
        return 0.8

    def same(self, *_):
        return Tensor(self.size, self.dtype)

    sum = abs = float = mean = same
    __gt__ = __ge__ = __eq__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __add__ = __radd__ = same
    __rsub__ = __pow__ = __or__ = __invert__ = same


def made(size, device):
    assert device.type == "cuda", "a tensor of the host"
    return Tensor(size if isinstance(size, int) else (*size, 1)[0])


randn = rand = zeros = lambda size, device: made(size, device)
empty_like = zeros_like = relu = lambda x: x.same()
clamp = lambda x, max: x.same()
where = lambda condition, x, other: x.same() if isinstance(x, Tensor) else condition.same()
native_dropout = lambda x, rate, train: (x.same(), x.same())
equal = lambda a, b: a.dtype.name != os.environ.get("JUMPOUT_STAND_IN_TORCH")
no_grad = contextlib.nullcontext
ops = types.SimpleNamespace(
    aten=types.SimpleNamespace(native_dropout_backward=lambda gradient, mask, scale: gradient.same())
)


class Cuda:
    def __init__(self):
        self.capturing, self.used_aside = False, False

    class Event:
        def __init__(self, enable_timing):
            self.recorded = False

        def record(self):
            assert not cuda.capturing
            self.recorded = True

        def elapsed_time(self, end):
            assert self.recorded and end.recorded
            return 1.0

    class Stream:
        def wait_stream(self, other):
            pass

    class CUDAGraph:
        recorded = False

        def replay(self):
            assert self.recorded and not cuda.capturing

    @contextlib.contextmanager
    def graph(self, graph):
        assert self.used_aside, "nothing was tried on a stream beside before the capture"
        self.capturing, graph.recorded = True, True
        yield
        self.capturing = False

    @contextlib.contextmanager
    def stream(self, stream):
        yield
        self.used_aside = True

    def current_stream(self):
        return Cuda.Stream()

    def is_available(self):
        return True

    def get_device_name(self):
        return "Stand-in GPU"

    def synchronize(self):
        assert not self.capturing


cuda = Cuda()
