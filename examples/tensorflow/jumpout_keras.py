"""jumpout as a Keras layer on TensorFlow's CPU device, eagerly and in tf.function."""
import ctypes
import os

import keras
import numpy as np
import tensorflow as tf

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
LIBRARY = os.environ.get("JUMPOUT_TENSORFLOW") or os.path.join(ROOT, "build/Release/lib/libjumpout_tensorflow.so")
ops = tf.load_op_library(LIBRARY)
# The numbers of a call, in the library's order.
FIELDS = ctypes.string_at(ctypes.CDLL(LIBRARY).jumpout_tensorflow_fields).decode().split()
# What the layer itself sets.
OWN = ("seedLow", "seedHigh", "callLow", "callHigh")
DEFAULTS = dict(sigma=0.1, pMin=0.01, pMax=0.6, rate=np.nan, maxRate=0.6, exponent=0.75, normalize=1, relu=1, unitSize=1)


@tf.RegisterGradient("Jumpout")
def _gradient(op, dy, _saved):
    return ops.jumpout_grad(dy, op.outputs[1]), None


@keras.saving.register_keras_serializable("jumpout")
class Jumpout(keras.layers.Layer):
    """ReLU and jumpout. `options` are fields of a call: sigma, rate, relu=0, groupSize, unitSize, channels and so on."""

    def __init__(self, seed, options=None, **kwargs):
        super().__init__(**kwargs)
        self.supports_jit = False  # XLA does not know the operations
        self.seed, self.options = seed, options or {}
        unknown = [name for name in self.options if name not in FIELDS or name in OWN]
        if unknown:
            raise ValueError(f"Expected options of jumpout, got {', '.join(unknown)}")
        fields = {**DEFAULTS, **self.options, "seedLow": seed & 0xFFFFFFFF, "seedHigh": seed >> 32}
        self.fields = np.array([fields.get(name, 0) for name in FIELDS], np.float64)
        self.calls = self.add_weight(shape=(), dtype="int64", initializer="zeros", trainable=False, name="calls")

    def call(self, x, training=False):
        if not training:
            return tf.nn.relu(x) if self.fields[FIELDS.index("relu")] else x
        number = tf.identity(self.calls.value)
        self.calls.assign(number + 1)
        halves = tf.cast([number % 2**32, number // 2**32], tf.float64)
        places = [[FIELDS.index("callLow")], [FIELDS.index("callHigh")]]
        numbers = tf.tensor_scatter_nd_update(self.fields, places, halves)
        return ops.jumpout(x, tf.reshape(tf.bitcast(numbers, tf.int32), [-1])).y

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "seed": self.seed, "options": self.options}
