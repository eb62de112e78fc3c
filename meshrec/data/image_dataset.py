"""Labelled photographs as training samples: random crops of a file of labelled people, with whatever it knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor

from meshrec.body import BodyModel
from meshrec.data.annotations import Annotations
from meshrec.data.crop_cameras import SKELETON_SETS, find_cameras
from meshrec.data.crop_view import DRAWS, CropView
from meshrec.data.mesh_truth import MeshTruth, PosedLabels
from meshrec.data.npz_format import read_annotations
from meshrec.data.photo_edges import boxes_within, draw_edges, pixels_within, points_within
from meshrec.data.pictures import labelled_mask, labelled_picture
from meshrec.data.surface_labels import render_surface, within_masks
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.structures import BODY30, PinholeCamera, TrainingBatch
from meshrec.uv import PartCharts, UvAtlas

_HIPS = [BODY30.index("left_hip"), BODY30.index("right_hip")]


@dataclass(frozen=True)
class DatasetConfig:
    """One file of labelled people to train on."""

    file: str
    """npz written by tools/convert_dataset.py."""
    images: str
    """folder that its image paths start from."""
    share: float = 1.0
    """how often it is drawn, relative to the other real photographs."""
    bodies: dict[str, str] = field(default_factory=dict)
    """body files by the names that the labels use, for example ``{smpl_male: SMPL_MALE.pkl}``; without them body
    parameters of other bodies than the one in use are not used."""
    render: bool = True
    """draw the dense correspondence from the mesh where that is known."""
    smallest_px: float = 0.0
    """people whose box is shorter than this, on its longer side in pixels of the image, are left out."""
    truncated: float = 0.0
    """share of the crops whose photo is made smaller, so that its edge cuts the person off."""

    def __post_init__(self) -> None:
        if self.share <= 0 or self.smallest_px < 0 or not 0 <= self.truncated <= 1:
            raise ValueError(
                f"share must be positive, smallest_px not negative and truncated between 0 and 1, got {self}"
            )


class ImageDataset:
    """Random augmented crops of labelled people; the same seed gives the same batch.

    Args:
        people: the labels.
        folder: where their image paths start.
        truth: turns body parameters into meshes.
        surface: atlas and charts of the body in use, to draw dense correspondence where the mesh is known; None draws
            none.
        truncated: share of the drawn crops whose photo is made smaller, so that its edge cuts the person off.
    """

    def __init__(
        self,
        people: Annotations,
        folder: str | Path,
        truth: MeshTruth,
        surface: tuple[UvAtlas, PartCharts] | None,
        truncated: float = 0.0,
    ) -> None:
        if not len(people):
            raise InvalidInput("A data set needs at least one labelled person, got none.")
        self.people, self.folder, self.truth, self.surface = people, Path(folder), truth, surface
        self.truncated = truncated

    @classmethod
    def from_config(cls, config: DatasetConfig, body: BodyModel, atlas: UvAtlas, charts: PartCharts) -> ImageDataset:
        """Opens the file that a configuration names.

        Raises:
            AssetNotFound: the file, the image folder or a body file does not exist.
            InvalidInput: one of them is damaged or of another kind.
        """
        people = read_annotations(config.file)
        large = people.box_xywh_px[:, 2:].max(axis=1, initial=0) >= config.smallest_px
        people = people.select(np.flatnonzero(large))
        if not Path(config.images).is_dir():
            raise AssetNotFound(f"There is no folder {config.images} with the images of {config.file}.")
        surface = (atlas, charts) if config.render else None
        return cls(people, config.images, MeshTruth(body, config.bodies), surface, config.truncated)

    def __len__(self) -> int:
        return len(self.people)

    def batch(self, count: int, size: int, seed: int) -> TrainingBatch:
        """Draw people, each from a random view: shift, scale, turn, mirror, light, blur and perhaps a near edge."""
        generator = Generator().manual_seed(seed)
        index = torch.randint(len(self.people), (count,), generator=generator).numpy()
        draws = torch.randn(count, DRAWS, generator=generator).numpy()
        return self.crops(index, size, draws, draw_edges(self.people.box_xywh_px[index], self.truncated, generator))

    def crops(
        self, index: np.ndarray, size: int, draws: np.ndarray | None = None, edges_px: np.ndarray | None = None
    ) -> TrainingBatch:
        """Crops of given people.

        Args:
            index: (B,) rows of the labels.
            size: side of the crops in pixels.
            draws: (B, 11) what makes the views, see ``CropView``; None gives the crops of reconstruction.
            edges_px: (B, 4) left, top, right, bottom where the photos are made to end; None for where they do.
        """
        people = self.people.select(index)
        draws = np.zeros((len(people), DRAWS)) if draws is None else draws
        edges = np.tile([-np.inf, -np.inf, np.inf, np.inf], (len(people), 1)) if edges_px is None else edges_px
        boxes = boxes_within(people.box_xywh_px, edges)
        views = [CropView.of_box(box, size, draw) for box, draw in zip(boxes, draws)]
        images, masks, inside = zip(*(self._picture(people, row, *look) for row, look in enumerate(zip(views, edges))))
        seen = people.joint_confidence * points_within(people.joints_px, edges)
        joints_ndc, confidence = _stacked(
            view.joints_ndc(*labels) for view, *labels in zip(views, people.joints_px, seen)
        )
        pictures = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
        batch = TrainingBatch.unlabelled(pictures, self.truth.body.vertex_count).replace(
            mask=torch.from_numpy(np.stack(masks)),
            has_mask=torch.from_numpy(people.has_mask.copy()),
            joints_ndc=joints_ndc,
            joint_confidence=confidence,
            person=torch.from_numpy(np.arange(len(self))[index]),
        )
        return self._in_space(batch, people, views, torch.from_numpy(np.stack(inside)))

    def _picture(
        self, people: Annotations, row: int, view: CropView, edges_px: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The crop of the image and of the mask, and where it lies within the edges that were made, (size, size)."""
        pixels = labelled_picture(people, row, self.folder)
        mask = labelled_mask(people, row, self.folder, pixels.shape[:2])
        inside = np.ones((view.size, view.size), np.float32)
        if np.isfinite(edges_px).any():
            inside = view.mask(pixels_within(np.ones_like(mask), edges_px))
        return view.picture(pixels_within(pixels, edges_px)), view.mask(pixels_within(mask, edges_px)), inside

    def _in_space(
        self, batch: TrainingBatch, people: Annotations, views: list[CropView], inside: Tensor
    ) -> TrainingBatch:
        """The batch with everything that is known in 3D."""
        joints, confidence = _stacked(
            view.joints_cam(*labels) for view, *labels in zip(views, people.joints_cam, people.joint_cam_confidence)
        )
        turns = torch.from_numpy(np.stack([view.turn_cam for view in views])).float()
        posed = self.truth.pose(people, turns)
        batch = self._with_joints(batch, people, posed, joints, confidence)
        batch = batch.with_params(posed.params, posed.has_params).replace(turn_cam=turns)
        if not posed.has_mesh.any():
            return batch
        found = find_cameras(batch, people, views, posed, joints)
        has_mesh = posed.has_mesh & found.known
        batch = batch.replace(
            vertices=posed.vertices,
            has_mesh=has_mesh,
            camera=found.weak_camera() * has_mesh[:, None],
            facing_rad=posed.facing_rad * has_mesh,
        )
        return batch if self.surface is None else self._with_surface(batch, found.translation, found.camera, inside)

    def _with_joints(
        self, batch: TrainingBatch, people: Annotations, posed: PosedLabels, joints: Tensor, confidence: Tensor
    ) -> TrainingBatch:
        """3D joints: of the mesh, else the labelled ones, else those of another body's skeleton."""
        # All joints are compared relative to the hips.
        confidence = confidence * (confidence[:, _HIPS] > 0).all(1, keepdim=True)
        if people.joint_set not in SKELETON_SETS:
            confidence[:, _HIPS] = 0
        use_posed = posed.has_joints & (posed.has_mesh | ~(confidence > 0).any(1))
        return batch.replace(
            joints=torch.where(use_posed[:, None, None], posed.joints, joints),
            joint_confidence_3d=torch.where(use_posed[:, None], posed.joint_present.float(), confidence),
        )

    def _with_surface(
        self, batch: TrainingBatch, translation: Tensor, camera: PinholeCamera, inside: Tensor
    ) -> TrainingBatch:
        """Dense correspondence of the known meshes, as far as labelled masks show them within the photos' edges."""
        chosen = batch.has_mesh.nonzero().squeeze(1)
        size = batch.mask.shape[-1]
        drawn = render_surface(
            batch.vertices[chosen] + translation[chosen, None],
            self.truth.body.faces,
            camera[chosen],
            size,
            *self.surface,
        )
        mask = torch.where(batch.has_mask[chosen, None, None], batch.mask[chosen], drawn.mask * inside[chosen])
        shown = within_masks(drawn, mask)
        put = lambda field, values: field.index_copy(0, chosen, values)  # noqa: E731
        return batch.replace(
            mask=put(batch.mask, mask),
            uv=put(batch.uv, shown.uv),
            part=put(batch.part, shown.part),
            front=put(batch.front, shown.front),
            has_mask=batch.has_mask | batch.has_mesh,
            has_iuv=put(batch.has_iuv, shown.mask.any(2).any(1)),
        )


def _stacked(pairs) -> tuple[Tensor, Tensor]:
    first, second = zip(*pairs)
    return torch.from_numpy(np.stack(first)), torch.from_numpy(np.stack(second))
