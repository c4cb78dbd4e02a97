"""Jumpout for PyTorch: an autograd function and a module over the C library, on the tensors' own memory.

On the CPU float32; on CUDA float32, float16 and bfloat16, on the current stream, where nothing waits for the device.
The same seed, call and input give the bits of the Node package.
"""

import math

import torch
import torch.distributed
from torch import nn
from torch.autograd.function import once_differentiable

import capi

DTYPES = {torch.float32: capi.FLOAT32, torch.float16: capi.FLOAT16, torch.bfloat16: capi.BFLOAT16}


class Host:
    """Calls on tensors in the memory of the process. `state` is a tensor of jumpout_group rows.

    `counts` are those of the whole batch, `total` its elements; None and 0 where the batch is `x`.
    """

    dtypes = (torch.float32,)

    def count(self, x, layout, groups):
        """The counts of `x` alone, in what torch.distributed can sum and `forward` takes."""
        rows = torch.zeros(groups, capi.GROUP_DOUBLES, dtype=torch.float64)
        capi.call(
            "jumpout_count_active",
            input=x.data_ptr(),
            groups=rows.data_ptr(),
            length=x.numel(),
            group_count=groups,
            layout=layout,
        )
        return rows

    def forward(self, x, out, mask, layout, groups, options, seed, call, counts, total):
        if counts is not None and counts[0, 1] != total:
            raise ValueError(f"Expected {x.numel()} elements on each rank, got {counts[0, 1]:.0f} on all of them")
        rows = torch.zeros(groups, capi.GROUP_DOUBLES, dtype=torch.float64) if counts is None else counts
        capi.call(
            "jumpout_forward",
            input=x.data_ptr(),
            output=out.data_ptr(),
            mask=mask.data_ptr(),
            groups=rows.data_ptr(),
            length=x.numel(),
            group_count=groups,
            layout=layout,
            options=options,
            seed=seed,
            call=call,
            counted=counts is not None,
        )
        return rows

    def backward(self, dy, dx, mask, state, layout, groups, relu):
        capi.call(
            "jumpout_backward",
            grad_output=dy.data_ptr(),
            grad_input=dx.data_ptr(),
            mask=mask.data_ptr(),
            groups=state.data_ptr(),
            length=dy.numel(),
            group_count=groups,
            layout=layout,
            relu=relu,
        )


class Device:
    """Calls on tensors of a CUDA device, enqueued on PyTorch's current stream. `state` is a tensor of jumpout_record."""

    dtypes = tuple(DTYPES)
    _workspaces = {}

    def empty(self, x, *shape, dtype):
        return torch.empty(*shape, dtype=dtype, device=x.device)

    def stream(self, x):
        return torch.cuda.current_stream(x.device).cuda_stream

    def where(self, x):
        return {"stream": self.stream(x), "dtype": DTYPES[x.dtype], "device": x.device.index}

    def workspace(self, x):
        """Zeroed once for each stream, by that stream; calls on it share it."""
        key = (x.device, self.stream(x))
        if key not in self._workspaces:
            self._workspaces[key] = self.empty(x, capi.WORKSPACE_BYTES, dtype=torch.uint8).zero_()
        return self._workspaces[key]

    def count(self, x, layout, groups):
        active = self.empty(x, groups, dtype=torch.int64)
        capi.call(
            "jumpout_device_count_active",
            input=x.data_ptr(),
            active=active.data_ptr(),
            length=x.numel(),
            group_count=groups,
            layout=layout,
            **self.where(x),
        )
        return active

    def forward(self, x, out, mask, layout, groups, options, seed, call, counts, total):
        records = self.empty(x, groups, capi.RECORD_BYTES, dtype=torch.uint8)
        capi.call(
            "jumpout_device_forward",
            input=x.data_ptr(),
            output=out.data_ptr(),
            mask=mask.data_ptr(),
            records=records.data_ptr(),
            active=None if counts is None else counts.data_ptr(),
            workspace=self.workspace(x).data_ptr(),
            length=x.numel(),
            group_count=groups,
            layout=layout,
            options=options,
            total=total,
            seed=seed,
            call=call,
            **self.where(x),
        )
        return records

    def backward(self, dy, dx, mask, state, layout, groups, relu):
        capi.call(
            "jumpout_device_backward",
            grad_output=dy.data_ptr(),
            grad_input=dx.data_ptr(),
            mask=mask.data_ptr(),
            records=state.data_ptr(),
            length=dy.numel(),
            group_count=groups,
            layout=layout,
            relu=relu,
            **self.where(dy),
        )


HOST, DEVICE = Host(), Device()


def place_of(x):
    return DEVICE if x.is_cuda else HOST


class JumpoutFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, options, layout, seed, call, process_group):
        place = place_of(x)
        if x.dtype not in place.dtypes:
            raise TypeError(f"Expected a tensor of {', '.join(map(str, place.dtypes))}, got {x.dtype}")
        x = x.contiguous()
        groups = capi.library.jumpout_group_count(x.numel(), layout)
        counts, total = None, 0
        if process_group is not None:  # a part of a batch that lies on all ranks, of equal parts
            counts = place.count(x, layout, groups)
            torch.distributed.all_reduce(counts, group=process_group)  # sums of whole numbers: exact in any order
            total = x.numel() * torch.distributed.get_world_size(process_group)
            layout.element_offset = x.numel() * torch.distributed.get_rank(process_group)
        out = torch.empty_like(x)
        mask = torch.empty(capi.library.jumpout_mask_words(x.numel()), dtype=torch.int32, device=x.device)
        state = place.forward(x, out, mask, layout, groups, options, seed, call, counts, total)
        ctx.save_for_backward(mask, state)
        ctx.call = place, layout, groups, options.relu
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, dy):
        mask, state = ctx.saved_tensors
        place, layout, groups, relu = ctx.call
        dy = dy.contiguous()
        dx = torch.empty_like(dy)
        place.backward(dy, dx, mask, state, layout, groups, relu)
        return dx, None, None, None, None, None


class Jumpout(nn.Module):
    """ReLU and jumpout in one pass, [N, C, ...] -> the same shape; in evaluation ReLU alone.

    Args:
        seed: of the draws, an integer from 0 to 2^64 - 1.
        layer: tells the layers of a net apart, which share a seed. Default 0.
        unit: "element", or "channel" to drop whole planes. Default "element".
        granularity: "batch", or "sample" for one rate per sample. Default "batch".
        process_group: of torch.distributed, if the batch lies in equal parts on its ranks: rate and mask are then
            those of the whole batch. Default: the batch is here. With "batch" alone.
        options: of jumpout_options, such as sigma, rate, exponent.
    """

    def __init__(self, seed, layer=0, unit="element", granularity="batch", process_group=None, **options):
        super().__init__()
        if unit not in ("element", "channel"):
            raise ValueError(f"Expected 'element' or 'channel' for unit, got {unit!r}")
        if granularity not in ("batch", "sample"):
            raise ValueError(f"Expected 'batch' or 'sample' for granularity, got {granularity!r}")
        if process_group is not None and granularity == "sample":
            raise ValueError("Expected no process_group with granularity 'sample', which needs none, got one")
        if not 0 <= seed < 2**64:
            raise ValueError(f"Expected an integer from 0 to 2^64 - 1 for seed, got {seed}")
        self.seed = capi.library.jumpout_fold_in(seed, layer)
        self.unit, self.granularity, self.process_group = unit, granularity, process_group
        self.options = capi.options(relu=1, **options)
        self.calls = 0

    def layout(self, x):
        return capi.Layout(
            group_size=math.prod(x.shape[1:]) if self.granularity == "sample" else 0,
            unit_size=math.prod(x.shape[2:]) if self.unit == "channel" else 1,
        )

    def forward(self, x):
        if not self.training:
            return torch.relu(x)
        call, self.calls = self.calls, self.calls + 1
        return JumpoutFunction.apply(x, self.options, self.layout(x), self.seed, call, self.process_group)

    def get_extra_state(self):
        """The number of the next draw, so that state_dict() resumes training to the bit."""
        return torch.tensor(self.calls)

    def set_extra_state(self, calls):
        self.calls = int(calls)
