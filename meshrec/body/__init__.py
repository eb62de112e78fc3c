"""Parametric bodies in SMPL's format."""

from meshrec.body.model import BodyModel
from meshrec.body.regressors import NamedJoints

__all__ = ["BodyModel", "NamedJoints"]
