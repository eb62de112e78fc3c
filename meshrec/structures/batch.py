"""A training batch: images and whatever is known about them, with flags that say what is known."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.structures.body import BodyParams
from meshrec.structures.indexing import keep_axis
from meshrec.structures.joints import BODY30, SMPL24

BETAS = 10  # shape coefficients that are learnt, whatever the body has


@dataclass(frozen=True)
class TrainingBatch:
    """Square crops of people with exact or partial targets; what a sample lacks is zero and flagged as absent.

    Attributes:
        images: (B, 3, H, W) RGB in [0, 1].
        mask: (B, H, W) 1 where the person is visible, else 0.
        uv: (B, 2, H, W) atlas coordinates in [0, 1] where the mask is 1.
        part: (B, H, W) long, 0 background, 1 to 24 the DensePose-style chart.
        front: (B, H, W) 1 where the visible surface belongs to the front half of the body.
        vertices: (B, V, 3) metres, body origin, camera axes.
        joints: (B, 30, 3) in the order of BODY30; the same frame where the mesh is known, else only differences count.
        joints_ndc: (B, 30, 2) in the crop, -1 to 1 between its edges, y down.
        joint_confidence: (B, 30) 0 where a 2D joint is unknown.
        camera: (B, 3) weak perspective s, tx, ty of the crop.
        facing_rad: (B,) heading of the body, 0 towards the camera, positive turning to the camera's right (+x).
        has_mask, has_iuv, has_mesh: (B,) bool; has_iuv covers uv, part and front, has_mesh covers vertices, 3D joints,
            camera and facing.
        joint_confidence_3d: (B, 30) 0 where a 3D joint is unknown. Some data sets know joints but no mesh. Zero
            throughout for a person whose hips are unknown: the joints are compared relative to them. If not given, all
            3D joints of the people with a mesh are known.
        betas: (B, 10) the first shape coefficients.
        rotations: (B, 24, 3, 3) of SMPL's joints; the first turns body axes into camera axes.
        has_params: (B,) bool, whether betas and rotations are known; nobody's, if not given.
        person: (B,) long, the number of a labelled person among those of its source, by which one knows them again in
            another crop; -1, as if not given, for people who are made up.
        turn_cam: (B, 3, 3) what the crop did to the axes of the photo's camera: a turn, perhaps with a mirroring;
            nothing, if not given.
    """

    images: Tensor
    mask: Tensor
    uv: Tensor
    part: Tensor
    front: Tensor
    vertices: Tensor
    joints: Tensor
    joints_ndc: Tensor
    joint_confidence: Tensor
    camera: Tensor
    facing_rad: Tensor
    has_mask: Tensor
    has_iuv: Tensor
    has_mesh: Tensor
    joint_confidence_3d: Tensor | None = None
    betas: Tensor | None = None
    rotations: Tensor | None = None
    has_params: Tensor | None = None
    person: Tensor | None = None
    turn_cam: Tensor | None = None

    def __post_init__(self) -> None:
        if self.joint_confidence_3d is None:
            known = self.has_mesh.to(self.joints.dtype)[:, None].expand(self.joints.shape[:2])
            object.__setattr__(self, "joint_confidence_3d", known)
        self._fill_in_unknown()
        check_shapes(
            images=(self.images, "B 3 H W"),
            mask=(self.mask, "B H W"),
            uv=(self.uv, "B 2 H W"),
            part=(self.part, "B H W"),
            front=(self.front, "B H W"),
            vertices=(self.vertices, "B V 3"),
            joints=(self.joints, f"B {len(BODY30)} 3"),
            joints_ndc=(self.joints_ndc, f"B {len(BODY30)} 2"),
            joint_confidence=(self.joint_confidence, f"B {len(BODY30)}"),
            camera=(self.camera, "B 3"),
            facing_rad=(self.facing_rad, "B"),
            has_mask=(self.has_mask, "B"),
            has_iuv=(self.has_iuv, "B"),
            has_mesh=(self.has_mesh, "B"),
            joint_confidence_3d=(self.joint_confidence_3d, f"B {len(BODY30)}"),
            betas=(self.betas, f"B {BETAS}"),
            rotations=(self.rotations, f"B {len(SMPL24)} 3 3"),
            has_params=(self.has_params, "B"),
            person=(self.person, "B"),
            turn_cam=(self.turn_cam, "B 3 3"),
        )

    def _fill_in_unknown(self) -> None:
        like = self.joints
        axes, absent = torch.eye(3, device=like.device, dtype=like.dtype), torch.zeros_like(self.has_mesh)
        for name, unknown in (
            ("betas", like.new_zeros(BETAS)),
            ("rotations", axes.expand(len(SMPL24), 3, 3)),
            ("has_params", absent.new_zeros(())),
            ("person", torch.tensor(-1, device=like.device)),
            ("turn_cam", axes),
        ):
            if getattr(self, name) is None:
                object.__setattr__(self, name, unknown.expand(len(like), *unknown.shape).clone())

    def __len__(self) -> int:
        return self.images.shape[0]

    def __getitem__(self, index) -> TrainingBatch:
        """Some of the samples; an integer keeps the batch axis."""
        index = keep_axis(index)
        return self._map(lambda value: value[index])

    def to(self, *args, **kwargs) -> TrainingBatch:
        """Moves every tensor to a device (not meant for dtypes: the fields have several)."""
        return self._map(lambda value: value.to(*args, **kwargs))

    def pin_memory(self) -> TrainingBatch:
        """In memory that a GPU reads by itself while the CPU goes on; torch's loader asks for it by this name."""
        return self._map(lambda value: value.pin_memory())

    def replace(self, **changes) -> TrainingBatch:
        return replace(self, **changes)

    @property
    def params(self) -> BodyParams:
        """Betas and rotations as a body takes them; the rest body where they are unknown."""
        return BodyParams(self.betas, self.rotations[:, 0], self.rotations[:, 1:])

    def with_params(self, params: BodyParams, known: Tensor) -> TrainingBatch:
        """The batch with body parameters, of those (B,) who are known; bodies of other joints than SMPL's have none."""
        if params.body_pose.shape[1] != len(SMPL24) - 1:
            return self
        betas = F.pad(params.betas, (0, BETAS - params.betas.shape[1]))  # cuts those that are too many
        rotations = torch.cat([params.global_orient[:, None], params.body_pose], dim=1)
        return replace(self, betas=betas, rotations=rotations, has_params=known)

    def _map(self, change) -> TrainingBatch:
        return TrainingBatch(**{field.name: change(getattr(self, field.name)) for field in fields(self)})

    @staticmethod
    def concatenate(batches: list[TrainingBatch]) -> TrainingBatch:
        """One batch of all samples, in order; on the device that is not the CPU, if there is one among them."""
        devices = [batch.images.device for batch in batches]
        device = next((device for device in devices if device.type != "cpu"), devices[0])
        batches = [batch.to(device, non_blocking=True) for batch in batches]
        return TrainingBatch(
            **{
                field.name: torch.cat([getattr(batch, field.name) for batch in batches])
                for field in fields(TrainingBatch)
            }
        )

    @staticmethod
    def unlabelled(images: Tensor, vertex_count: int) -> TrainingBatch:
        """A batch of which nothing but the images is known; fill in fields with `replace`."""
        batch, _, height, width = images.shape
        zeros = lambda *shape: images.new_zeros(batch, *shape)  # noqa: E731 - one letter per shape reads better
        absent = torch.zeros(batch, dtype=torch.bool, device=images.device)
        return TrainingBatch(
            images=images,
            mask=zeros(height, width),
            uv=zeros(2, height, width),
            part=zeros(height, width).long(),
            front=zeros(height, width),
            vertices=zeros(vertex_count, 3),
            joints=zeros(len(BODY30), 3),
            joints_ndc=zeros(len(BODY30), 2),
            joint_confidence=zeros(len(BODY30)),
            camera=zeros(3),
            facing_rad=zeros(),
            has_mask=absent,
            has_iuv=absent,
            has_mesh=absent,
        )
