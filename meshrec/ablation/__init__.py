"""Choices made from evidence: small trainings of equal budget, with seeds, and a table with error bars.

A plan is read, its runs are trained and measured one after the other, and figures are compared seed by seed.
"""

from meshrec.ablation.job import AblationOutcome, run_ablation
from meshrec.ablation.plan import AblationConfig

__all__ = ["AblationConfig", "AblationOutcome", "run_ablation"]
