"""The path of CUDA tensors in examples/pytorch, on the library that JUMPOUT_LIBRARY names, whose kernels are emulated: its device
memory is the process's own. Imported once examples/pytorch is on the path."""

import ctypes

import torch

import capi
import jumpout


class Emulated(jumpout.Device):
    def empty(self, x, *shape, dtype):
        """In memory of the emulated device, which alone can be filled there; it is never freed."""
        bytes = max(torch.Size(shape).numel() * torch.empty((), dtype=dtype).element_size(), 1)
        memory = ctypes.c_void_p()
        assert capi.library.jumpout_cuda_allocate(0, ctypes.c_size_t(bytes), None, 1, ctypes.byref(memory)) == 0
        return torch.frombuffer((ctypes.c_char * bytes).from_address(memory.value), dtype=dtype).reshape(shape)

    def stream(self, x):
        return None

    def where(self, x):
        return {"stream": None, "dtype": jumpout.DTYPES[x.dtype], "device": 0}
