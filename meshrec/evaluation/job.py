"""A whole evaluation: every requested test set measured by all processes, then reported by the first one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from meshrec.build import TrainConfig
from meshrec.build_detector import DetectorTrainConfig
from meshrec.build_hmr import HmrTrainConfig
from meshrec.config import load_one_of
from meshrec.engine.distributed import join_world
from meshrec.errors import InvalidInput
from meshrec.evaluation.detection.job import DetectorEvaluation
from meshrec.evaluation.options import EvaluationOptions
from meshrec.evaluation.reconstruction import ReconstructionEvaluation
from meshrec.evaluation.together import common_errors, one_thread

# By the configuration's key ``task``.
TASKS = {"reconstruction": TrainConfig, "detection": DetectorTrainConfig, "parameters": HmrTrainConfig}
EVALUATIONS = {
    TrainConfig: ReconstructionEvaluation,
    DetectorTrainConfig: DetectorEvaluation,
    HmrTrainConfig: ReconstructionEvaluation,
}


def run_evaluation(config_path: str | Path, overrides: Sequence[str], options: EvaluationOptions) -> str:
    """Measure a model, write what was asked for and return the tables; under torchrun only the first process does.

    Args:
        config_path, overrides: the configuration that the model was trained by, see `meshrec.config.load_config`.
    Raises:
        InvalidInput: words that name no set, a set on which nothing can be measured, or a changed ``model``: weights
            know their own.
        MeshrecError: files that are missing, damaged or do not belong together.
    """
    with join_world() as world, one_thread():
        with common_errors(world):
            options.check_folders()
            _refuse_another_model(overrides)
            config = load_one_of(TASKS, "task", config_path, overrides)
            evaluation = EVALUATIONS[type(config)](config, options, world)
        return evaluation.run()


def _refuse_another_model(overrides: Sequence[str]) -> None:
    """Nobody shall take the figures of the weights' own model for those of another."""
    for word in overrides:
        if word.partition("=")[0].split(".")[0] == "model":
            raise InvalidInput(
                f"{word!r} changes nothing here: weights are measured as the model they were trained as."
            )
