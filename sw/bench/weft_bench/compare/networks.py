"""Jobs that are networks: an encoder layer, a CNN, and a step of training."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from weft_driver import Device

from ..encoder.chip import EncoderOnChip
from ..encoder.run import Encoder
from ..encoder.sizes import BERT_TINY, Sizes
from ..kernels import writes
from ..pipeline import recorded
from ..resnet.chip import ResnetOnChip
from ..resnet.network import CLASSES, CONV_MACS, LAYERS, WIDTHS
from ..resnet.run import PICTURES, Resnet
from ..training.step import BATCH, HIDDEN, INPUTS, NAMES, RATE, Step, run_step
from ..training.step import CLASSES as DIGITS
from .job import Arrays, ChipRun, Job, Task

SEED = 1

HIDDEN_COLUMNS = BERT_TINY.hidden, 128
"""F of the encoder layer; the second is for quick runs, as in all that follow."""

COUNT = PICTURES, 1
"""Pictures for the CNN."""

BATCHES = BATCH, 8
"""Samples of a step of training."""

NEEDS_BOTH = "it is work for the array and the SIMT core together: see chip"

NOT_IN_TORCH = "its bytes are rounded step by step as the chip does, and no twin in PyTorch exists"

NOT_IN_ORT = "its bytes are rounded step by step as the chip does, and no twin in ONNX exists"

# --- encoder layer -----------------------------------------------------------------------------


@cache
def encoder(hidden: int) -> Encoder:
    """The seeded layer with so many hidden columns."""
    return Encoder.seeded(Sizes(hidden=hidden), SEED)


def encoder_of(task: Task) -> Encoder:
    """The layer of a task."""
    return encoder(task.inputs["up"].shape[1])


def encoder_task(quick: bool) -> Task:
    """A quantised layer and its input; the result is int8, and exact."""
    made = encoder(HIDDEN_COLUMNS[quick])
    s, layer = made.layer.sizes, made.layer
    inputs = {"x": made.x, "key": layer.key.weight}
    for name in ("query", "value", "output", "up", "down"):
        linear = getattr(layer, name)
        inputs |= {name: linear.weight, f"{name} scale": linear.scale, f"{name} bias": linear.bias}
    size = f"S {s.tokens}, D {s.width}, {s.heads} heads, F {s.hidden}"
    return Task.of(size, inputs, [writes(layer(made.x)["y"])], s.macs)


def encoder_numpy(task: Task, threads: int) -> Callable[[], Arrays]:
    """The formula step by step; products by BLAS in float64, which is exact."""
    made = encoder_of(task)
    return lambda: (made.layer(made.x)["y"],)


def encoder_chip(device: Device, task: Task) -> ChipRun:
    """Products on the array, the rest on the SIMT core, one program."""
    made = encoder_of(task)
    chip = EncoderOnChip(device, made.layer, made.x)
    run, activity = recorded(chip.pipeline, ENCODER_JOB.doc)
    return ChipRun((chip.y(),), run, {"error": made.error(chip.y())}, activity)


ENCODER_JOB = Job(
    name="encoder",
    doc="BERT-tiny encoder layer in int8",
    unit="multiply-accumulates",
    expected="chip",
    because="nine of ten operations are products, and the array has them while the SIMT core does "
    "softmax, layer norm and GELU",
    make=encoder_task,
    hosts={"numpy": encoder_numpy, "onnxruntime": NOT_IN_ORT},
    gpu=NOT_IN_TORCH,
    chips={"chip": encoder_chip, "array": NEEDS_BOTH, "simt": NEEDS_BOTH},
    needs_float=True,
)

# --- CNN ---------------------------------------------------------------------------------------


@cache
def resnet(count: int) -> Resnet:
    """The seeded network and so many pictures."""
    return Resnet.seeded(count, SEED)


def resnet_task(quick: bool) -> Task:
    """Pictures and weights; the result is the int8 scores of the classes."""
    count = COUNT[quick]
    made = resnet(count)
    inputs: dict[str, Any] = {"x": made.x}
    for name, product in made.network.products.items():
        inputs |= {
            name: product.weight,
            f"{name} scale": product.scale,
            f"{name} bias": product.bias,
        }
    macs = count * (CONV_MACS + WIDTHS[-1] * (LAYERS[-1].size ** 2 + CLASSES))
    wanted = made.network(made.x)["dense"]
    size = f"{count} picture{'s' * (count > 1)} of 32 x 32 x 3"
    return Task.of(size, inputs, [writes(wanted)], macs)


def resnet_numpy(task: Task, threads: int) -> Callable[[], Arrays]:
    """The formula layer by layer; products of patches by BLAS in float64, which is exact."""
    made = resnet(len(task.inputs["x"]))
    return lambda: (made.network(made.x)["dense"],)


def resnet_chip(device: Device, task: Task) -> ChipRun:
    """Convolutions on the array, sums on the SIMT core, one program for all pictures."""
    made = resnet(len(task.inputs["x"]))
    chip = ResnetOnChip(device, made.network, made.x)
    run, activity = recorded(chip.pipeline, RESNET_JOB.doc)
    tensors = chip.pipeline.tensors
    scores = [tensors[f"dense {i}"].numpy() for i in range(chip.count)]
    return ChipRun((np.concatenate(scores),), run, {"pictures": chip.count}, activity)


RESNET_JOB = Job(
    name="resnet8",
    doc="CNN of the shape of ResNet-8 in int8",
    unit="multiply-accumulates",
    expected="chip",
    because="nearly all of it is convolutions, whose weights the array uses for every pixel",
    make=resnet_task,
    hosts={"numpy": resnet_numpy, "onnxruntime": NOT_IN_ORT},
    gpu=NOT_IN_TORCH,
    chips={"chip": resnet_chip, "array": NEEDS_BOTH, "simt": NEEDS_BOTH},
    needs_float=True,
)

# --- training ----------------------------------------------------------------------------------


def training_task(quick: bool) -> Task:
    """A step from seeded weights."""
    batch = BATCHES[quick]
    step = Step.seeded(SEED, batch)
    inputs = {**step.weights, "x": step.x, "labels": step.labels}
    size = f"{INPUTS}-{HIDDEN}-{DIGITS}, batch {batch}"
    return Task.of(size, inputs, step.wanted(), step.macs)


def step_of(task: Task) -> Step:
    """The step of a task."""
    i = task.inputs
    return Step({name: i[name] for name in NAMES}, i["x"], i["labels"])


def training_numpy(task: Task, threads: int) -> Callable[[], Arrays]:
    """The formula in float32."""
    step = step_of(task)

    def call() -> Arrays:
        weights, loss = step.taken(np.float32)
        return *(weights[name] for name in NAMES), np.array([loss], np.float32)

    return call


def training_gpu(torch: Any, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    """The same formula in PyTorch, without its automatic derivatives."""
    x, labels = inputs["x"], inputs["labels"].long()
    w1, b1, w2, b2 = (inputs[name] for name in NAMES)
    rate = float(RATE)
    h = torch.relu(x @ w1 + b1)
    logs = torch.log_softmax(h @ w2 + b2, 1)
    right = torch.nn.functional.one_hot(labels, DIGITS)
    loss = -(logs * right).sum() / len(x)
    dz = (torch.exp(logs) - right) / len(x)
    dh = (dz @ w2.T) * (h > 0)
    slopes = x.T @ dh, dh.sum(0), h.T @ dz, dz.sum(0)
    weights = (w - rate * s for w, s in zip((w1, b1, w2, b2), slopes, strict=True))
    return *weights, loss.reshape(1)


def training_simt(device: Device, task: Task) -> ChipRun:
    """One launch of one block."""
    results, run = run_step(device, step_of(task))
    return ChipRun(tuple(results), run)


TRAINING_JOB = Job(
    name="training",
    doc="a step of training an MLP in float32: forward, backward, update",
    unit="multiply-accumulates",
    expected="cpu",
    because="five products in a row, each over before a GPU has begun with it",
    make=training_task,
    hosts={"numpy": training_numpy, "onnxruntime": "it does not train"},
    gpu=training_gpu,
    chips={
        "array": "it multiplies int8, and slopes need more",
        "simt": training_simt,
    },
    needs_float=True,
)

JOBS = (ENCODER_JOB, RESNET_JOB, TRAINING_JOB)
