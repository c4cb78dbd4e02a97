"""pytorch.py FOLDER host|device [RANK RANKS]: runs the cases of FOLDER/cases.json through examples/pytorch.

Each case has a name, a shape, the module's arguments and a number of calls. The input is FOLDER/input, the gradient
FOLDER/gradient. Of the last call, output, gradient and mask go to FOLDER/<name>.<rank>. "device" runs the path of CUDA
tensors on the library that JUMPOUT_LIBRARY names, whose kernels are emulated: its device memory is the process's own.
"""

import json
import os
import sys

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(root, "examples", "pytorch"))
sys.dont_write_bytecode = True

import torch  # noqa: E402

import jumpout  # noqa: E402
from emulated_device import Emulated  # noqa: E402
from raising import raises  # noqa: E402

folder, place = sys.argv[1:3]
rank, ranks = (int(number) for number in sys.argv[3:5] or (0, 1))


if place == "device":
    jumpout.place_of = lambda x, emulated=Emulated(): emulated
if ranks > 1:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/{place}-ranks", rank=rank, world_size=ranks
    )


def read(name, shape):
    whole = torch.frombuffer(bytearray(open(os.path.join(folder, name), "rb").read()), dtype=torch.float32)
    return whole[: torch.Size(shape).numel()].reshape(shape).chunk(ranks)[rank].clone()


def run(case, dtype=torch.float32):
    group = torch.distributed.group.WORLD if ranks > 1 else None
    module = jumpout.Jumpout(process_group=group, **case["arguments"])
    for _ in range(case["calls"]):
        x = read("input", case["shape"]).to(dtype).requires_grad_()
        y = module(x)
        mask, _ = y.grad_fn.saved_tensors
        y.backward(read("gradient", case["shape"]).to(dtype))
    again = jumpout.Jumpout(**case["arguments"])
    again.load_state_dict(module.state_dict())
    assert again.calls == module.calls == case["calls"], "the state has the number of the next draw"
    if dtype == torch.float32:  # which this PyTorch has on the CPU
        assert torch.equal(module.eval()(x), torch.relu(x)), "evaluation is ReLU"
    return y.detach(), x.grad, mask


for case in json.load(open(os.path.join(folder, "cases.json"))):
    output, gradient, mask = run(case)
    with open(os.path.join(folder, f"{case['name']}.{rank}"), "wb") as file:
        for tensor in (output, gradient, mask):
            file.write(tensor.contiguous().numpy().tobytes())
    if place == "device" and ranks == 1:
        for dtype in (torch.float16, torch.bfloat16):
            halved, _, same = run(case, dtype)
            assert halved.dtype == dtype
            assert torch.equal(same, mask), f"{dtype} has the mask of float32, since no input rounds to 0"

empty = jumpout.Jumpout(seed=1)(torch.zeros(0, 3, requires_grad=True))
empty.sum().backward()
assert empty.shape == (0, 3)
strided = torch.rand(4, 6).t()
assert torch.equal(jumpout.Jumpout(seed=1)(strided), jumpout.Jumpout(seed=1)(strided.contiguous()))
raises(RuntimeError, "options.sigma", lambda: jumpout.Jumpout(seed=1, sigma=-1.0)(torch.ones(4)))
raises(TypeError, "'sgima'", lambda: jumpout.Jumpout(seed=1, sgima=0.1))
raises(ValueError, "seed, got -1", lambda: jumpout.Jumpout(seed=-1))
raises(ValueError, "'row'", lambda: jumpout.Jumpout(seed=1, unit="row"))
if place == "host" and ranks > 1:
    group = torch.distributed.group.WORLD
    unequal = torch.ones(4 - rank, 8)
    raises(ValueError, "on each rank, got 56 on all", lambda: jumpout.Jumpout(seed=1, process_group=group)(unequal))
if place == "host":
    raises(TypeError, "float64", lambda: jumpout.Jumpout(seed=1)(torch.ones(4, dtype=torch.float64)))
if ranks > 1:
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()  # its threads may outlive the process otherwise, which aborts it
print("done")
