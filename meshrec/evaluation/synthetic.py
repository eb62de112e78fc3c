"""The fixed synthetic test set: people whom training does not see, and two bodies that ignore the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from meshrec.assets import sha256_of_file
from meshrec.build import DataConfig, Surface, build_people
from meshrec.data.mixture import BatchSource
from meshrec.data.synthetic import SyntheticPeopleConfig
from meshrec.data.synthetic.poses import relaxed_pose
from meshrec.engine.distributed import World
from meshrec.evaluation.correspondence import synthetic_figures
from meshrec.evaluation.joint_reader import JointReader
from meshrec.evaluation.measures import foreground_confusion, mask_figures, mesh_figures
from meshrec.evaluation.report import Report
from meshrec.evaluation.rows import Row, gather_rows
from meshrec.evaluation.surface_points import SurfaceRuler
from meshrec.metrics.masks import mask_iou
from meshrec.metrics.parts import LSP6_OF_PART, confusion_matrix
from meshrec.pipeline import MeshModel
from meshrec.render import rasterize
from meshrec.structures import BodyParams, TrainingBatch, WeakPerspectiveCamera

TEST_SEED = 20_260_000
BATCH = 50
_UPRIGHT_DEPTH_M = 10.0  # any depth does for an orthographic silhouette
_PARTS = 25
Progress = Callable[[Iterable], Iterable]


@dataclass(frozen=True)
class SyntheticTestSet:
    """Test people and what they are made of, in words and checksums."""

    people: BatchSource
    words: dict[str, str]

    def batch(self, start: int, count: int, size: int) -> TrainingBatch:
        """The people from number `start` on, at most a batch of them, of a set of `count`."""
        return self.people.batch(min(BATCH, count - start), size, TEST_SEED + start)


def synthetic_test_set(config: DataConfig, surface: Surface) -> SyntheticTestSet:
    """The test people of a configuration: poses and backgrounds that its training does not see, as far as there are.

    Poses come from the motion pack's validation file beside its training file, backgrounds from the share of the folder
    that training leaves; without such a file poses are made up, so that nobody is tested on training poses unawares.
    They are drawn on the CPU wherever the model runs, so that every machine sees the same people.
    """
    held_back, words = held_back_people(config.synthetic)
    return SyntheticTestSet(build_people(held_back, surface), words)


def held_back_people(config: SyntheticPeopleConfig) -> tuple[SyntheticPeopleConfig, dict[str, str]]:
    """What a configuration's test people are made of, and the same in words."""
    poses, pose_words = _held_back_poses(config.motion_pack)
    share, scenery_words = _held_back_backgrounds(config)
    held_back = SyntheticPeopleConfig(  # the default variety, however mild the training is
        motion_pack=poses,
        backgrounds=config.backgrounds,
        background_share=share,
        wardrobe=config.wardrobe,
    )
    return held_back, {"poses": pose_words, "backgrounds": scenery_words, "clothes": _clothes(held_back.wardrobe)}


def evaluate_synthetic(
    model: MeshModel,
    surface: Surface,
    test_set: SyntheticTestSet,
    count: int = 1000,
    progress: Progress = iter,
    world: World | None = None,
) -> Report:
    """Figures on the synthetic test set, beside two bodies that ignore the picture."""
    rows = measure_synthetic(model, surface, test_set, count, progress, world)
    return Report.of(rows, synthetic_protocol(test_set, count, model.input_size))


def synthetic_protocol(test_set: SyntheticTestSet, count: int, size: int) -> dict[str, str]:
    """What the figures mean."""
    return {
        "set": f"{count} synthetic people, seed {TEST_SEED}, crops of {size} px",
        **test_set.words,
        "root": "pelvis",
        "alignment": "roots moved together; PA-: a similarity per person",
        "joints": "Body-30, read from both meshes",
        "masks": "projected mesh against the visible person, in the crop",
    }


@torch.no_grad()
def measure_synthetic(
    model: MeshModel,
    surface: Surface,
    test_set: SyntheticTestSet,
    count: int = 1000,
    progress: Progress = iter,
    world: World | None = None,
) -> list[Row]:
    """The rows of all people, measured by all processes together, batch by batch in turn.

    ``mean_pose`` is the mean body with hanging arms that faces the camera; ``mean_mesh`` the mean of all true meshes,
    the best constant there is in L2. Both get the mean of the true cameras.
    """
    world = world or World()
    meter, rows, truths = _Meter(surface, model.input_size), [], {}
    for start in progress(range(0, count, BATCH)[world.rank :: world.size]):
        batch = test_set.batch(start, count, model.input_size)
        rows += meter.model_rows(model, batch, start)
        truths[start] = _Truth.of(batch)
    mesh, camera = _means(truths, count, world)
    for name, constant in (("mean_pose", _hanging_arms(surface)), ("mean_mesh", mesh)):
        for start, truth in truths.items():
            rows += meter.constant_rows(name, constant, camera, truth, start)
    return gather_rows(rows, world)


@dataclass(frozen=True)
class _Truth:
    """What the baselines are measured against: far smaller than a batch."""

    vertices: Tensor
    camera: Tensor
    mask: Tensor

    @classmethod
    def of(cls, batch: TrainingBatch) -> _Truth:
        return cls(batch.vertices.cpu(), batch.camera.cpu(), batch.mask.cpu() > 0.5)


class _Meter:
    """Makes rows of batches."""

    def __init__(self, surface: Surface, size: int) -> None:
        self.size, self.faces, self.ruler = size, surface.body.faces.cpu(), SurfaceRuler(surface)
        self.reader = JointReader(surface.body)

    def model_rows(self, model: MeshModel, batch: TrainingBatch, start: int) -> list[Row]:
        bodies, batch = model.bodies(batch.images.to(model.device)).to("cpu"), batch.to("cpu")
        values, face_index = self._figures(bodies.vertices.float(), bodies.camera, _Truth.of(batch))
        dense = synthetic_figures(bodies.iuv, batch, self.ruler)
        confusions = self._confusions(face_index, batch)
        return [
            Row(_key(start + place), "model", person | dense[place][0],
                {"iuv_part_accuracy": dense[place][1].numpy()},
                {name: matrices[place] for name, matrices in confusions.items()})
            for place, person in enumerate(_per_person(values))
        ]  # fmt: skip

    def constant_rows(self, name: str, mesh: Tensor, camera: Tensor, truth: _Truth, start: int) -> list[Row]:
        """Rows of one mesh (V, 3) and camera (3,) for everybody."""
        count = len(truth.vertices)
        cameras = WeakPerspectiveCamera.from_vector(camera.expand(count, 3))
        values, _ = self._figures(mesh.expand(count, -1, -1), cameras, truth)
        return [Row(_key(start + place), name, person) for place, person in enumerate(_per_person(values))]

    def _figures(
        self, vertices: Tensor, camera: WeakPerspectiveCamera, truth: _Truth
    ) -> tuple[dict[str, Tensor], Tensor]:
        shown = vertices + vertices.new_tensor([0.0, 0.0, _UPRIGHT_DEPTH_M])
        fragments = rasterize(shown, self.faces, camera, (self.size, self.size))
        values = mesh_figures(vertices, truth.vertices, self.reader)
        values |= {"mask_iou": mask_iou(fragments.mask, truth.mask), **mask_figures(fragments.mask, truth.mask)}
        return values, fragments.face_index

    def _confusions(self, face_index: Tensor, batch: TrainingBatch) -> dict[str, np.ndarray]:
        parts, true = self.ruler.parts_of_faces(face_index), batch.part * (batch.mask > 0.5)
        groups = torch.tensor(LSP6_OF_PART)
        return {
            "fb_seg": foreground_confusion(parts > 0, batch.mask > 0.5),
            "part6": confusion_matrix(groups[parts], groups[true], int(groups.max()) + 1).numpy(),
            "part24": confusion_matrix(parts, true, _PARTS).numpy(),
        }


def _key(number: int) -> str:
    return f"{number:06d}"


def _per_person(values: dict[str, Tensor]) -> Iterator[dict[str, float]]:
    for person in zip(*(column.tolist() for column in values.values())):
        yield dict(zip(values, person))


def _hanging_arms(surface: Surface) -> Tensor:
    rest = BodyParams.rest(facing_camera=True, betas=surface.body.beta_count)
    return surface.body(BodyParams(rest.betas, rest.global_orient, relaxed_pose()[None])).vertices[0].cpu()


def _means(truths: dict[int, _Truth], count: int, world: World) -> tuple[Tensor, Tensor]:
    """Mean mesh (V, 3) and camera (3,) of all processes' people.

    Batches are summed one by one in double precision and in their order, so that the processes do not matter.
    """
    own = [(start, truth.vertices.double().sum(0).numpy(), truth.camera.double().sum(0).numpy())
           for start, truth in truths.items()]  # fmt: skip
    parts = sorted(world.gather(own), key=lambda part: part[0])
    mesh, camera = (np.sum([part[place] for part in parts], axis=0) / count for place in (1, 2))
    return torch.from_numpy(mesh).float(), torch.from_numpy(camera).float()


def _held_back_poses(pack: str | None) -> tuple[str | None, str]:
    if pack is None or not Path(pack).exists():
        return None, "made up"
    other = Path(pack).with_name(Path(pack).name.replace("_train", "_val"))
    if other.name == Path(pack).name or not other.exists():
        return None, f"made up, because no validation file (_val for _train) lies beside {Path(pack).name}"
    return str(other), f"recorded, {other.name}, sha256 {sha256_of_file(other)}"


def _held_back_backgrounds(config: SyntheticPeopleConfig) -> tuple[tuple[float, float], str]:
    if config.backgrounds is None or not Path(config.backgrounds).is_dir():
        return (0.0, 1.0), "painted"
    name, last = Path(config.backgrounds).name, config.background_share[1]
    if last >= 1:
        return (0.0, 1.0), f"photographs of {name}, the same as in training, which leaves none"
    return (last, 1.0), f"photographs of {name}, the share from {last:g} on that training leaves"


def _clothes(wardrobe: str | None) -> str:
    if wardrobe is None or not Path(wardrobe).exists():
        return "painted"
    return f"{Path(wardrobe).name}, sha256 {sha256_of_file(wardrobe)}, the same as in training"
