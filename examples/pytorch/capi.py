"""jumpout.h in Python, by ctypes. Each struct is mirrored here and nowhere else; test/99 compares them with the header."""

import ctypes
import os
import subprocess
from ctypes import POINTER, Structure, byref, c_char_p, c_double, c_int32, c_size_t, c_uint64, c_void_p

GROUP_DOUBLES = 5  # jumpout_group: active, total, rate, effective_rate, scale
RECORD_BYTES = 48  # jumpout_record
WORKSPACE_BYTES = 64  # JUMPOUT_WORKSPACE_BYTES
FLOAT32, FLOAT16, BFLOAT16 = 0, 1, 2  # jumpout_dtype


class Options(Structure):
    _fields_ = [
        ("sigma", c_double),
        ("p_min", c_double),
        ("p_max", c_double),
        ("rate", c_double),
        ("max_rate", c_double),
        ("exponent", c_double),
        ("normalize", c_int32),
        ("relu", c_int32),
    ]


class Layout(Structure):
    _fields_ = [
        ("element_offset", c_uint64),
        ("group_size", c_uint64),
        ("unit_size", c_uint64),
        ("channels", c_uint64),
    ]


class ForwardArgs(Structure):
    _fields_ = [
        ("input", c_void_p),
        ("output", c_void_p),
        ("mask", c_void_p),
        ("groups", c_void_p),
        ("length", c_size_t),
        ("group_count", c_size_t),
        ("layout", Layout),
        ("options", Options),
        ("seed", c_uint64),
        ("call", c_uint64),
        ("counted", c_int32),
    ]


class BackwardArgs(Structure):
    _fields_ = [
        ("grad_output", c_void_p),
        ("grad_input", c_void_p),
        ("mask", c_void_p),
        ("output", c_void_p),
        ("groups", c_void_p),
        ("length", c_size_t),
        ("group_count", c_size_t),
        ("layout", Layout),
        ("seed", c_uint64),
        ("call", c_uint64),
        ("relu", c_int32),
    ]


class CountArgs(Structure):
    _fields_ = [
        ("input", c_void_p),
        ("groups", c_void_p),
        ("length", c_size_t),
        ("group_count", c_size_t),
        ("layout", Layout),
    ]


class DeviceForwardArgs(Structure):
    _fields_ = [
        ("input", c_void_p),
        ("output", c_void_p),
        ("mask", c_void_p),
        ("records", c_void_p),
        ("active", c_void_p),
        ("call_counter", c_void_p),
        ("workspace", c_void_p),
        ("stream", c_void_p),
        ("length", c_size_t),
        ("group_count", c_size_t),
        ("layout", Layout),
        ("options", Options),
        ("total", c_uint64),
        ("seed", c_uint64),
        ("call", c_uint64),
        ("dtype", c_int32),
        ("device", c_int32),
        ("all_active", c_int32),
    ]


class DeviceBackwardArgs(Structure):
    _fields_ = [
        ("grad_output", c_void_p),
        ("grad_input", c_void_p),
        ("mask", c_void_p),
        ("output", c_void_p),
        ("records", c_void_p),
        ("stream", c_void_p),
        ("length", c_size_t),
        ("group_count", c_size_t),
        ("layout", Layout),
        ("dtype", c_int32),
        ("device", c_int32),
        ("relu", c_int32),
    ]


class DeviceCountArgs(Structure):
    _fields_ = [
        ("input", c_void_p),
        ("active", c_void_p),
        ("stream", c_void_p),
        ("length", c_size_t),
        ("group_count", c_size_t),
        ("layout", Layout),
        ("dtype", c_int32),
        ("device", c_int32),
    ]


# The functions that take a pointer to one of these and return a status.
ARGS = {
    "jumpout_forward": ForwardArgs,
    "jumpout_backward": BackwardArgs,
    "jumpout_count_active": CountArgs,
    "jumpout_device_forward": DeviceForwardArgs,
    "jumpout_device_backward": DeviceBackwardArgs,
    "jumpout_device_count_active": DeviceCountArgs,
}


def _load():
    path = os.environ.get("JUMPOUT_LIBRARY") or subprocess.check_output(
        ["node", "--print", "require('jumpout').native.library"], text=True
    ).strip()
    library = ctypes.CDLL(path)
    for name, args in ARGS.items():
        getattr(library, name).argtypes = [POINTER(args)]
    library.jumpout_default_options.restype = Options
    library.jumpout_status_text.restype = c_char_p
    library.jumpout_status_field.restype = c_char_p
    library.jumpout_group_count.argtypes = [c_size_t, POINTER(Layout)]
    library.jumpout_group_count.restype = c_size_t
    library.jumpout_mask_words.argtypes = [c_size_t]
    library.jumpout_mask_words.restype = c_size_t
    library.jumpout_fold_in.argtypes = [c_uint64, c_uint64]
    library.jumpout_fold_in.restype = c_uint64
    return library


library = _load()


def call(name, **fields):
    """Calls a function of ARGS; fields that are left out are 0. Raises RuntimeError with the library's sentence."""
    status = getattr(library, name)(byref(ARGS[name](**fields)))
    if status != 0:
        field = library.jumpout_status_field().decode()
        text = library.jumpout_status_text(status).decode()
        raise RuntimeError(f"{name}: {text}" + (f" ({field})" if field else ""))


def options(**changes):
    """The defaults of the library, and what is to differ from them."""
    result = library.jumpout_default_options()
    for name, value in changes.items():
        if name not in dict(Options._fields_):
            raise TypeError(f"Expected an option of jumpout_options, got '{name}'")
        setattr(result, name, value)
    return result
