"""Named joints of posed bodies, for any joint set: skeleton joints, landmark vertices and the crown."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from meshrec.body.model import BodyModel
from meshrec.checks import check_shapes
from meshrec.structures.body import BodyOutput
from meshrec.structures.joints import SMPL24, JointSet

# Landmark vertices of bodies with SMPL's 6890 vertices, numbered as in smplx's vertex_ids; the default body follows
# them.
LANDMARK_VERTICES = {
    "nose": 332,
    "left_eye": 2800,
    "right_eye": 6260,
    "left_ear": 583,
    "right_ear": 4071,
    "left_big_toe": 3216,
    "left_small_toe": 3226,
    "left_heel": 3387,
    "right_big_toe": 6617,
    "right_small_toe": 6624,
    "right_heel": 6787,
    "left_thumb": 2746,
    "left_index": 2319,
    "left_middle": 2445,
    "left_ring": 2556,
    "left_pinky": 2673,
    "right_thumb": 6191,
    "right_index": 5782,
    "right_middle": 5905,
    "right_ring": 6016,
    "right_pinky": 6133,
}
_LANDMARK_VERTEX_COUNT = 6890


class NamedJoints(nn.Module):
    """Picks the joints of one set from posed bodies.

    A joint is looked up by its name: first among the 24 skeleton joints, then among the landmark vertices; ``head_top``
    is the vertex that is highest in the rest pose. A joint that is none of these is zero and marked as absent, never
    guessed.

    Attributes:
        joint_set: the set.
        present: (K,) bool, which of its joints the body has.
        index: (K,) long into the body's skeleton joints followed by its vertices; 0 for absent joints.
    """

    present: Tensor
    index: Tensor

    def __init__(self, body: BodyModel, joint_set: JointSet) -> None:
        super().__init__()
        self.joint_set = joint_set
        self._body_joints = body.joint_count
        landmarks = LANDMARK_VERTICES if body.vertex_count == _LANDMARK_VERTEX_COUNT else {}
        landmarks = landmarks | {"head_top": int(body.template_vertices[:, 1].argmax())}
        skeleton = SMPL24.names if body.joint_count >= len(SMPL24) else ()
        place = [
            skeleton.index(name)
            if name in skeleton
            else body.joint_count + landmarks[name]
            if name in landmarks
            else -1
            for name in joint_set.names
        ]
        index = torch.tensor(place, device=body.template_vertices.device)
        self.register_buffer("present", index >= 0, persistent=False)
        self.register_buffer("index", index.clamp_min(0), persistent=False)

    def forward(self, output: BodyOutput) -> Tensor:
        """Joints (B, K, 3) of posed bodies, in the same frame; absent ones are zero."""
        check_shapes(joints=(output.joints, f"B {self._body_joints} 3"))
        joint = output.joints[:, self.index.clamp_max(self._body_joints - 1)]
        vertex = output.vertices[:, (self.index - self._body_joints).clamp_min(0)]
        chosen = torch.where((self.index < self._body_joints)[:, None], joint, vertex)
        return torch.where(self.present[:, None], chosen, torch.zeros_like(chosen))
