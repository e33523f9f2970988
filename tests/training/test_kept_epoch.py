# SPDX-License-Identifier: Apache-2.0
"""Which epoch's weights become the model."""

import pytest

pytest.importorskip("torch")

from training.learning.progress import Epoch, Progress


def epochs(*losses, error):
    progress = Progress()
    progress.start_stage()
    for number, loss in enumerate(losses, start=1):
        progress.add_epoch(
            Epoch(
                stage=1,
                epoch=number,
                size=64,
                learning_rate=0.1,
                train_loss=1.0,
                validation_loss=loss,
                validation_accuracy=0.9,
                seconds=1.0,
                validation_error=error,
            ),
            patience=3,
        )
    return progress


def test_a_lower_loss_that_chance_explains_does_not_bring_back_an_early_epoch():
    assert epochs(1.04, 0.175, 0.28, 0.21, 0.184, error=0.05).kept.epoch == 5


def test_an_epoch_that_is_clearly_worse_is_not_kept():
    assert epochs(0.9, 0.3, 0.31, 0.6, 0.9, error=0.05).kept.epoch == 3


def test_without_an_error_the_lowest_loss_is_kept():
    assert epochs(0.9, 0.3, 0.31, error=0.0).kept.epoch == 2


def test_a_new_lowest_loss_narrows_what_is_kept():
    progress = epochs(0.5, 0.54, 0.3, 0.36, error=0.05)
    assert progress.kept.epoch == 3


def test_patience_counts_from_the_lowest_loss():
    assert not epochs(0.9, 0.3, 0.31, 0.32, error=0.05).stage_done
    assert epochs(0.9, 0.3, 0.31, 0.32, 0.33, error=0.05).stage_done


def test_progress_survives_json():
    progress = epochs(0.9, 0.3, 0.31, error=0.05)
    assert Progress.from_json(progress.to_json()) == progress
