"""The bodies that have been fitted to labelled people so far (the dictionary of fits of SPIN, ICCV 2019)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from meshrec.data.annotations import Annotations
from meshrec.errors import CheckpointMismatch
from meshrec.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from meshrec.structures import SMPL24, BodyParams
from meshrec.structures.batch import BETAS


class FitStore:
    """At most one fit for each of N people, in the axes of their photographs' cameras, on the CPU.

    Attributes:
        pose: (N, 24, 3) axis-angle, the root's first, radians.
        betas: (N, 10).
        known: (N,) bool, who has a fit at all.
    """

    def __init__(self, pose: Tensor, betas: Tensor, known: Tensor) -> None:
        self.pose, self.betas, self.known = pose, betas, known

    @classmethod
    def empty(cls, count: int) -> FitStore:
        return cls(torch.zeros(count, len(SMPL24), 3), torch.zeros(count, BETAS), torch.zeros(count, dtype=torch.bool))

    @classmethod
    def of(cls, people: Annotations, body_hash: str) -> FitStore:
        """The good fits in a file of labelled people; those of other bodies, and measured parameters, are none."""
        fits = cls.empty(len(people))
        kept = np.flatnonzero(people.is_fitted & people.has_params & (people.body == body_hash))
        for values, labels in ((fits.pose, people.pose), (fits.betas, people.betas)):
            shared = min(values.shape[1], labels.shape[1])
            values[kept, :shared] = torch.from_numpy(np.array(labels[kept, :shared]))
        fits.known[kept] = True
        return fits

    @staticmethod
    def together(parts: list[FitStore]) -> FitStore:
        """Everybody's, in order."""
        return FitStore(*(torch.cat(values) for values in zip(*(part._values() for part in parts), strict=True)))

    def __len__(self) -> int:
        return len(self.known)

    def look_up(self, person: Tensor) -> tuple[BodyParams, Tensor]:
        """The bodies of people (B,) by number, and (B,) bool who of them has one; -1 for people who are not here."""
        if not len(self):
            rest = BodyParams.rest(len(person), BETAS, len(SMPL24))
            return rest, torch.zeros(len(person), dtype=torch.bool)
        place = person.cpu().clamp_min(0)
        rotations = axis_angle_to_matrix(self.pose[place])
        return BodyParams(self.betas[place], rotations[:, 0], rotations[:, 1:]), self.known[place] & (person.cpu() >= 0)

    def put(self, person: int, pose: Tensor, betas: Tensor) -> None:
        """Keep a body (24, 3) and (10,) for a person, in place of any other."""
        self.pose[person], self.betas[person], self.known[person] = pose, betas, True

    def state(self) -> dict[str, Tensor]:
        return {"pose": self.pose, "betas": self.betas, "known": self.known}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from a state.

        Raises:
            CheckpointMismatch: it is of other people.
        """
        if len(state.get("known", ())) != len(self):
            raise CheckpointMismatch(
                f"The checkpoint holds fits of {len(state.get('known', ()))} people, the data have {len(self)}: use "
                "the data that the run began with, or choose another run folder."
            )
        self.pose, self.betas, self.known = (state[name].clone() for name in ("pose", "betas", "known"))

    def _values(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.pose, self.betas, self.known


def as_vectors(params: BodyParams) -> tuple[Tensor, Tensor]:
    """Axis-angle (B, 24, 3) and betas (B, 10) of bodies, detached and on the CPU."""
    rotations = torch.cat([params.global_orient[:, None], params.body_pose], dim=1)
    return matrix_to_axis_angle(rotations.detach().float()).cpu(), params.betas.detach().float().cpu()


def without_fits(people: Annotations) -> Annotations:
    """The same people with measured parameters only: a fit may be replaced by a better one, so it is no truth."""
    return people.replace(body=np.where(people.is_fitted, "", people.body))
