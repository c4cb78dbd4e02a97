"""What the tests ask of libjumpout, as arrays of numpy: masks, drawn rates, seeds. On the host or an emulated device."""

import ctypes
import os
import sys

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "examples", "pytorch"))

import capi  # noqa: E402

STEPS = 65536  # of thresholds: a rate is one of them, over 65536
LARGEST = 65535 / 65536  # of rates


def fold_in(seed, data):
    return capi.library.jumpout_fold_in(seed, data)


class Host:
    """Calls over `longest` elements at most, all of them 1. Results are overwritten by the next call."""

    name = os.environ.get("JUMPOUT_CPU_ISA", "host")

    def __init__(self, longest):
        self.input = self.memory(longest, np.float32)
        self.input[:] = 1
        self.output = self.memory(longest, np.float32)
        self.masks = self.memory(longest // 32 + 1, np.uint32)

    def memory(self, length, dtype):
        return np.empty(length, dtype)

    def mask(self, seed, call, length, rate, offset=0, unit_size=1, channels=0):
        """The packed mask of a call with that rate, as bytes: element i is bit i & 7 of byte i >> 3."""
        layout = capi.Layout(element_offset=offset, unit_size=unit_size, channels=channels)
        self.drop(seed, call, length, layout, rate)
        return self.masks.view(np.uint8)[: (length + 7) // 8]

    def redrawn(self, seed, call, length, rate, offset=0):
        """The same mask as backward draws it again."""
        layout = capi.Layout(element_offset=offset, unit_size=1)
        return self.decisions(seed, call, length, layout, self.drop(seed, call, length, layout, rate))

    def reaches(self, seed, call, thresholds, offset):
        """Whether each lane, from that of element `offset` on, is at least its threshold, packed like a mask.

        Each element is a group of its own, at whose rate backward draws its decision again.
        """
        layout = capi.Layout(element_offset=offset, unit_size=1, group_size=1)
        groups = np.ones((len(thresholds), capi.GROUP_DOUBLES))
        groups[:, 3] = thresholds / STEPS
        return self.decisions(seed, call, len(thresholds), layout, groups)

    def decisions(self, seed, call, length, layout, groups):
        """What backward draws again, packed like a mask, from the gradient of ones."""
        self.output[:length] = np.nan  # which is not 0
        self.backward(seed, call, length, layout, groups)
        return np.packbits(self.output[:length] != 0, bitorder="little")

    def rates(self, seed, call, groups, **options):
        """Base rates and applied rates of `groups` groups of one active element."""
        layout = capi.Layout(unit_size=1, group_size=1)
        rows = self.forward(
            seed, call, groups, layout, capi.options(**options), np.ones((groups, capi.GROUP_DOUBLES))
        )
        return rows[:, 2], rows[:, 3]

    def drop(self, seed, call, length, layout, rate):
        """Forward at that rate, of one group in which all are active."""
        options = capi.options(rate=rate, normalize=0, exponent=0)
        groups = np.full((1, capi.GROUP_DOUBLES), length, np.float64)
        return self.forward(seed, call, length, layout, options, groups)

    def forward(self, seed, call, length, layout, options, groups):
        """`groups` has the counts, and is overwritten."""
        capi.call(
            "jumpout_forward",
            input=self.input.ctypes.data,
            output=self.output.ctypes.data,
            mask=self.masks.ctypes.data,
            groups=groups.ctypes.data,
            length=length,
            group_count=len(groups),
            layout=layout,
            options=options,
            seed=seed,
            call=call,
            counted=1,
        )
        return groups

    def backward(self, seed, call, length, layout, groups):
        capi.call(
            "jumpout_backward",
            grad_output=self.input.ctypes.data,
            grad_input=self.output.ctypes.data,
            groups=groups.ctypes.data,
            length=length,
            group_count=len(groups),
            layout=layout,
            seed=seed,
            call=call,
        )


class EmulatedDevice(Host):
    """On the library that JUMPOUT_LIBRARY names, whose kernels are emulated: its memory is the process's own."""

    name = "emulated device"
    RECORD = np.dtype("u8, u8, f8, u4, f4, u8, u8")

    def __init__(self, longest):
        super().__init__(longest)
        self.active = self.memory(longest, np.uint64)
        self.records = self.memory(longest, self.RECORD)
        self.workspace = self.memory(capi.WORKSPACE_BYTES, np.uint8)
        self.workspace[:] = 0

    def memory(self, length, dtype):
        size = length * np.dtype(dtype).itemsize
        memory = ctypes.c_void_p()
        status = capi.library.jumpout_cuda_allocate(0, ctypes.c_size_t(size), None, 1, ctypes.byref(memory))
        assert status == 0, "device memory"
        return np.frombuffer((ctypes.c_char * size).from_address(memory.value), dtype)

    def forward(self, seed, call, length, layout, options, groups):
        self.active[: len(groups)] = groups[:, 0]
        capi.call(
            "jumpout_device_forward",
            input=self.input.ctypes.data,
            output=self.output.ctypes.data,
            mask=self.masks.ctypes.data,
            records=self.records.ctypes.data,
            active=self.active.ctypes.data,
            workspace=self.workspace.ctypes.data,
            length=length,
            group_count=len(groups),
            layout=layout,
            options=options,
            seed=seed,
            call=call,
            dtype=capi.FLOAT32,
        )
        assert capi.library.jumpout_cuda_stream_synchronize(0, None) == 0
        found = self.records[: len(groups)]
        groups[:, 2], groups[:, 3] = found["f2"], found["f3"] / STEPS
        return groups

    def backward(self, seed, call, length, layout, groups):
        """Of the call whose records are here."""
        capi.call(
            "jumpout_device_backward",
            grad_output=self.input.ctypes.data,
            grad_input=self.output.ctypes.data,
            records=self.records.ctypes.data,
            length=length,
            group_count=len(groups),
            layout=layout,
            dtype=capi.FLOAT32,
        )
        assert capi.library.jumpout_cuda_stream_synchronize(0, None) == 0


def place(longest):
    """Where JUMPOUT_DIFFERENTIAL_PLACE says: "device", or the host."""
    return (EmulatedDevice if os.environ.get("JUMPOUT_DIFFERENTIAL_PLACE") == "device" else Host)(longest)
