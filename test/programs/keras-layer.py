"""examples/tensorflow against the golden vectors of the repository, by bits; prints 'done' where all of it holds."""
import json
import os
import shutil
import sys
import tempfile

import keras
import numpy as np
import tensorflow as tf

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "examples", "tensorflow"))
from jumpout_keras import FIELDS, LIBRARY, OWN, Jumpout, ops  # noqa: E402


def of_bits(texts, dtype):
    return np.array([int(text, 16) for text in texts], np.uint32).view(dtype)


def same_bits(actual, expected, what):
    actual, expected = np.asarray(actual).reshape(-1), np.asarray(expected).reshape(-1)
    nans = np.isnan(actual) & np.isnan(expected) if actual.dtype == np.float32 else False
    assert np.all((actual.view(np.uint32) == expected.view(np.uint32)) | nans), what


def layer_of(case):
    options = dict(case["options"])
    shape, size = case["shape"], int(np.prod(case["shape"]))
    if options.pop("granularity", "batch") == "sample":
        options["groupSize"] = size // shape[0]
    if options.pop("unit", "element") == "channel":
        last = options.pop("dataFormat", "channelsFirst") == "channelsLast"
        options["unitSize"] = size // (shape[0] * (shape[-1] if last else shape[1]))
        options["channels"] = shape[-1] if last and options["unitSize"] > 1 else 0
    layer = Jumpout(int(case["seed"]), {"relu": False, **options})
    layer.calls.assign(int(case["call"]))
    return layer


def check_golden():
    with open(os.path.join(ROOT, "test", "vectors", "golden.json")) as file:
        cases = [case for case in json.load(file) if "shard" not in case["options"] and all(case["shape"])]
    assert len(cases) > 10, len(cases)
    for case in cases:
        x = tf.constant(of_bits(case["input"], np.float32).reshape(case["shape"]))
        dy = tf.constant(of_bits(case["gradOutput"], np.float32).reshape(case["shape"]))
        for wrap in (lambda run: run, tf.function):
            layer = layer_of(case)

            @wrap
            def run():
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    y = layer(x, training=True)
                assert y.shape == x.shape
                return y, tape.gradient(y, x, dy)

            y, dx = run()
            same_bits(y, of_bits(case["output"], np.float32), case["name"])
            same_bits(dx, of_bits(case["gradInput"], np.float32), case["name"])
            assert int(layer.calls.numpy()) == int(case["call"]) + 1


def check_training():
    def train(eagerly):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.layers.Dense(64), Jumpout(3), keras.layers.Dense(4)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss, run_eagerly=eagerly)
        x = np.random.default_rng(2).normal(size=(256, 16)).astype(np.float32)
        y = x[:, :4].argmax(1)
        losses = model.fit(x, y, batch_size=64, epochs=3, shuffle=False, verbose=0).history["loss"]
        assert int(model.layers[1].calls.numpy()) == 12
        assert np.array_equal(model.predict(x, verbose=0), model.predict(x, verbose=0))
        return model, x, losses

    model, x, losses = train(False)
    assert losses[-1] < losses[0], losses
    assert losses == train(False)[2], "the same seed"
    assert np.allclose(losses, train(True)[2], rtol=1e-4), "eagerly"
    with tempfile.TemporaryDirectory() as folder:
        model.save(os.path.join(folder, "model.keras"))
        loaded = keras.models.load_model(os.path.join(folder, "model.keras"))
    assert int(loaded.layers[1].calls.numpy()) == 12
    same_bits(loaded.layers[1](x, training=True), model.layers[1](x, training=True), "after loading")


def check_shapes():
    function = tf.function(ops.jumpout)
    described = tf.TensorSpec([len(FIELDS) * 2], tf.int32)
    for given in ([5, 100], [], [0, 3], [None, 100], None):
        outputs = function.get_concrete_function(tf.TensorSpec(given), described).structured_outputs
        assert outputs.y.shape.as_list() == given if given is not None else outputs.y.shape.rank is None
        assert outputs.saved.shape.as_list() == [None], (given, outputs)


def check_refusals():
    x = tf.ones([100])
    for layer in (Jumpout(1, {"sigma": -1}), Jumpout(1, {"unitSize": np.nan}), Jumpout(1, {"groupSize": 33})):
        try:
            layer(x, training=True)
        except tf.errors.InvalidArgumentError:
            continue
        raise AssertionError(layer.options)
    for name in ("sgima", *OWN):
        try:
            Jumpout(1, {name: 1})
        except ValueError as error:
            assert str(error).endswith(name), error
            continue
        raise AssertionError(name)


def check_copies():
    assert tf.load_op_library(LIBRARY).jumpout is not None
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(os.path.dirname(LIBRARY), os.path.join(folder, "lib"), symlinks=True)
        second = tf.load_op_library(os.path.join(copy, os.path.basename(LIBRARY)))
        assert not hasattr(second, "jumpout")
    check_golden()


for check in (check_golden, check_training, check_shapes, check_refusals, check_copies):
    check()
print("done")
