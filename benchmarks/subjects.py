"""The runs of each kind of contestant. A function makes everything ready and returns what is to be timed.

Libraries are imported inside the functions: a process has only the thread pools of its own contestant.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.tasks import Kind, Task

if TYPE_CHECKING:
    from bittrue.simulator.engine import Simulator

Integers = NDArray[np.integer]
Images = NDArray[np.uint8]
Run = Callable[[], Integers | None]
"""Runs one batch; returns integer codes [N, classes], or None where the output is no integer."""


def simulated(simulator: Simulator, images: Images) -> Integers:
    """Codes [N, classes] of images [N, 3, H, W]; the one place that says how a batch is simulated."""
    return simulator.outputs(images)


def simulate(task: Task, images: Images) -> Run:
    """The program in the simulator."""
    from bittrue.simulator.engine import Simulator
    from bittrue.spec.program_file import load_program

    simulator = Simulator(load_program(Path(task.source)))
    return lambda: simulated(simulator, images)


def first_run(task: Task, images: Images) -> Run:
    """Everything that the demo asks of the simulator, from its import on."""
    from bittrue.spec.program_file import load_program

    program = load_program(Path(task.source))

    def run() -> Integers:
        from bittrue.simulator.engine import Simulator

        simulator = Simulator(program)
        simulator.run(images[:1], keep="tensors")
        simulator.run(images[:1], keep="stages")
        return simulated(simulator, images)

    return run


def reference(task: Task, images: Images) -> Run:
    """The program in the PyTorch integer reference."""
    import torch

    from bittrue.golden.reference import Reference
    from bittrue.spec.program_file import load_program

    torch.set_num_threads(task.threads)
    program = load_program(Path(task.source))
    judge = Reference(program)

    def run() -> Integers:
        runs = (judge.run(images[index : index + 1]) for index in range(len(images)))
        return np.concatenate([run.tensors[program.output].reshape(1, -1) for run in runs])

    return run


def eager(task: Task, images: Images) -> Run:
    """timm's float model on the same pixels, normalized beforehand."""
    import torch

    from benchmarks.networks import weights_of
    from bittrue.calibration.models import load_model

    torch.set_num_threads(task.threads)
    loaded = load_model(task.model, str(weights_of(task.model)), side=task.side)
    mean, std = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (loaded.mean, loaded.std))
    pixels = ((torch.from_numpy(images) / 255 - mean) / std).contiguous()

    def run() -> None:
        with torch.inference_mode():
            loaded.module(pixels)

    return run


def litert(task: Task, images: Images) -> Run:
    """A .tflite file with the default delegate (XNNPACK), or with the reference kernels."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.BUILTIN_REF if task.reference_kernels else OpResolverType.AUTO
    interpreter: Any = Interpreter(
        model_path=task.source, experimental_op_resolver_type=resolver, num_threads=task.threads
    )
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    values = pixels_for(images, np.dtype(given["dtype"]))

    def run() -> None:
        interpreter.set_tensor(given["index"], values)
        interpreter.invoke()

    return run


def onnxruntime(task: Task, images: Images) -> Run:
    """An ONNX file in the CPU provider."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = task.threads
    options.log_severity_level = 3
    session = ort.InferenceSession(task.source, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: pixels_for(images, np.dtype(np.float32))}

    def run() -> None:
        session.run(None, feed)

    return run


def pixels_for(images: Images, dtype: np.dtype[Any]) -> NDArray[Any]:
    """The pixels as a peer reads them: float32 0..1, or int8 codes (pixel - 128)."""
    if dtype == np.int8:
        return (images.astype(np.int16) - 128).astype(np.int8)
    return (images / np.float32(255)).astype(np.float32)


SUBJECTS: dict[Kind, Callable[[Task, Images], Run]] = {
    "simulate": simulate,
    "first_run": first_run,
    "reference": reference,
    "eager": eager,
    "litert": litert,
    "onnxruntime": onnxruntime,
}
"""(the task, its batch uint8 [N, 3, H, W]) -> what is to be timed."""
