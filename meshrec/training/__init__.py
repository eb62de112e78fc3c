"""Whole training runs: what is trained, stage by stage, into a run folder."""

from meshrec.training.run import run_training, train_stages

__all__ = ["run_training", "train_stages"]
