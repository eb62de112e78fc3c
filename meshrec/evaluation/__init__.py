"""The measuring stick: figures of a model on a fixed synthetic test set and on labelled photographs.

People are measured one by one into rows, rows of all processes are gathered, and figures follow from the rows.
"""

from meshrec.evaluation.job import run_evaluation
from meshrec.evaluation.options import EvaluationOptions
from meshrec.evaluation.report import Report, table
from meshrec.evaluation.synthetic import TEST_SEED, evaluate_synthetic, synthetic_test_set

__all__ = [
    "EvaluationOptions",
    "Report",
    "TEST_SEED",
    "evaluate_synthetic",
    "run_evaluation",
    "synthetic_test_set",
    "table",
]
