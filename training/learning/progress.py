# SPDX-License-Identifier: Apache-2.0
"""The progress of a training, which is printed, drawn, and saved in checkpoints."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Epoch:
    """One pass over the training photos."""

    stage: int
    epoch: int
    size: int
    learning_rate: float
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    seconds: float
    validation_error: float = 0.0
    """Standard error of ``validation_loss``, its variation by chance."""

    def line(self, *, of: int) -> str:
        """One line for the log, from which CloudWatch reads metrics.

        ``of``: total number of epochs.
        """
        return (
            f"epoch={self.epoch}/{of} "
            f"train_loss={self.train_loss:.4f} "
            f"validation_loss={self.validation_loss:.4f} "
            f"validation_accuracy={self.validation_accuracy:.4f} "
            f"size={self.size} seconds={self.seconds:.1f}"
        )


@dataclass
class Progress:
    """The state of a training except its weights."""

    epochs: list[Epoch] = field(default_factory=list)
    loss_sum: float = 0.0
    loss_steps: int = 0
    best_loss: float | None = None
    best_error: float = 0.0
    kept_epoch: int = 0
    waited: int = 0
    stage_done: bool = False

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Progress":
        epochs = [Epoch(**row) for row in document["epochs"]]
        return cls(**{**document, "epochs": epochs})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def start_stage(self) -> None:
        """Reset the best epoch, because losses at different picture sizes are not comparable."""
        self.best_loss, self.waited, self.stage_done = None, 0, False
        self.loss_sum, self.loss_steps = 0.0, 0

    def add_loss(self, loss: float) -> None:
        self.loss_sum += loss
        self.loss_steps += 1

    def take_loss(self) -> float:
        """The mean loss since the last call."""
        mean = self.loss_sum / max(1, self.loss_steps)
        self.loss_sum, self.loss_steps = 0.0, 0
        return mean

    def add_epoch(self, epoch: Epoch, *, patience: int) -> bool:
        """Record an epoch; return whether its weights are the best so far.

        The latest epoch wins whose loss is within one standard error of the stage's lowest
        (Breiman's one standard error rule). The lowest of a dozen losses on a few photos is mostly
        chance, and it often comes early, when the learning rate is still high.
        """
        self.epochs.append(epoch)
        if self.best_loss is None or epoch.validation_loss < self.best_loss:
            self.best_loss, self.best_error = epoch.validation_loss, epoch.validation_error
            self.waited = 0
        else:
            self.waited += 1
            self.stage_done = 0 < patience <= self.waited
        keep = epoch.validation_loss <= self.best_loss + self.best_error
        if keep:
            self.kept_epoch = epoch.epoch
        return keep

    @property
    def kept(self) -> Epoch:
        """The epoch whose weights are kept."""
        return next(row for row in self.epochs if row.epoch == self.kept_epoch)
