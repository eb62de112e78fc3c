"""Which fits are good enough to teach: a rule that anybody can state."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from meshrec.data.annotations import Annotations
from meshrec.errors import InvalidInput

FEWEST_JOINTS = 6  # with fewer a body is not fitted at all


@dataclass(frozen=True)
class FitRule:
    """A fit is kept if it explains enough joints, closely, by a likely pose, and better than with swapped limbs."""

    error: float = 0.025
    """largest mean distance of its joints from the labels, over the side of a crop around the person."""
    energy: float = 50.0
    """largest negative log density of its pose, up to the prior's constant."""
    joints: int = 11
    """fewest joints that are labelled."""
    swap_gain: float = 5.0
    """largest gain in log density if both legs, or both arms, changed their labels."""

    def __post_init__(self) -> None:
        if not self.error > 0:
            raise InvalidInput(f"The largest error of good fits must be positive, got {self.error}.")
        if math.isnan(self.energy) or math.isnan(self.swap_gain):
            raise InvalidInput("The largest energy and gain of good fits must be numbers, got NaN.")
        if self.joints < FEWEST_JOINTS:
            raise InvalidInput(f"Good fits need at least {FEWEST_JOINTS} labelled joints, got {self.joints}.")

    def keeps(self, people: Annotations) -> np.ndarray:
        """(N,) bool."""
        close = people.is_fitted & (people.fit_error <= self.error)
        likely = (people.fit_energy <= self.energy) & (people.fit_swap_gain <= self.swap_gain)
        return close & likely & (labelled_joints(people) >= self.joints)

    @property
    def words(self) -> str:
        return (
            f"error at most {self.error:g} of the person's crop, prior energy at most {self.energy:g}, "
            f"at least {self.joints} labelled joints, gain of swapped limbs at most {self.swap_gain:g}"
        )


def labelled_joints(people: Annotations) -> np.ndarray:
    """(N,) how many 2D joints of each person are known."""
    return (people.joint_confidence > 0).sum(1)
