# SPDX-License-Identifier: Apache-2.0
"""A model in memory: onnxruntime, and the check that it gives the same results as in training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.cut import CutRule
from contracts.messages import ModelName
from contracts.model_archive import GOLDEN_INPUTS, GOLDEN_OUTPUTS, MODEL, ModelCard
from contracts.onnx_runtime import onnxruntime
from contracts.preprocessing import FLIPS, Pixels, flipped

Probabilities = NDArray[np.float32]


class ModelError(ValueError):
    """The model does not match its card; the message names the difference."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A loaded model: its name in messages, its card, and its session."""

    name: ModelName
    card: ModelCard
    session: Any
    cut: CutRule | None = None
    """How an item is cut out of the view; None if the model uses whole frames."""

    def infer(self, rgb: Pixels) -> Probabilities:
        """Probabilities of the card's labels for one picture ``[height, width, 3]``."""
        answer = self.session.run([self.card.output_name], {self.card.input_name: rgb[None]})
        probabilities: Probabilities = answer[0][0]
        return probabilities

    def answer(self, rgb: Pixels) -> Probabilities:
        """The same for a picture that stands alone: the mean over all that the model is shown."""
        if not self.card.flips:
            return self.infer(rgb)
        answers = [self.infer(flipped(rgb, number)) for number in range(len(FLIPS))]
        mean: Probabilities = np.mean(answers, axis=0, dtype=np.float32)
        return mean


def load(folder: Path, *, card: ModelCard, name: ModelName, threads: int) -> Model:
    """Load the model of an unpacked archive and run its golden inputs. Raises ModelError."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Spinning threads would heat the camera while it waits for the next frame.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(
            str(folder / MODEL), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        # onnxruntime's own exception types share no public base class.
        raise ModelError(f"{MODEL}: onnxruntime cannot load it: {error}") from error
    model = Model(name=name, card=card, session=session, cut=card.cut_rule())
    _check_interface(model)
    _check_golden(model, folder)
    return model


def _check_interface(model: Model) -> None:
    card = model.card
    inputs = [(i.name, i.type, i.shape[1:]) for i in model.session.get_inputs()]
    expected = (card.input_name, "tensor(uint8)", [card.height, card.width, 3])
    if inputs != [expected]:
        raise ModelError(f"{MODEL}: inputs {inputs}; expected one, {expected}")
    outputs = [output.name for output in model.session.get_outputs()]
    if outputs != [card.output_name]:
        raise ModelError(f"{MODEL}: outputs {outputs}; expected {[card.output_name]}")


def _check_golden(model: Model, folder: Path) -> None:
    try:
        inputs = np.load(folder / GOLDEN_INPUTS, allow_pickle=False)
        expected = np.load(folder / GOLDEN_OUTPUTS, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ModelError(f"golden data cannot be read: {error}") from error
    card = model.card
    shapes = ((len(inputs), card.height, card.width, 3), (len(inputs), len(card.labels)))
    if (inputs.shape, expected.shape) != shapes or inputs.dtype != np.uint8 or not len(inputs):
        raise ModelError(
            f"golden data: {inputs.dtype} {inputs.shape} and {expected.shape}; expected uint8"
            f" {shapes[0]} and {shapes[1]}, at least one"
        )
    for number, (picture, wanted) in enumerate(zip(inputs, expected, strict=True)):
        try:
            found = model.infer(picture)
        except Exception as error:
            raise ModelError(f"golden input {number}: onnxruntime fails: {error}") from error
        if found.shape != wanted.shape:
            raise ModelError(f"golden input {number}: answer {found.shape}, not {wanted.shape}")
        worst = float(np.max(np.abs(found - wanted)))
        # Written so that a NaN answer is refused as well.
        if not worst <= card.golden_tolerance:
            raise ModelError(
                f"golden input {number}: probabilities differ by {worst:.4f} on this camera;"
                f" allowed {card.golden_tolerance:g}"
            )
