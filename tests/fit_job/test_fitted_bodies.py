"""How far fitted meshes cover masks: one on its own silhouette, less where the mask or the picture ends."""

import numpy as np
import pytest
import torch
from PIL import Image

from meshrec.body import BodyModel
from meshrec.data.annotations import RAGGED
from meshrec.data.ragged import Ragged
from meshrec.fit_job.data_set import DataSet, fit_people
from meshrec.fit_job.fitted_bodies import fitted_body, mask_overlap, mask_overlaps
from meshrec.fit_job.fitter import Fitter
from meshrec.fit_job.rule import FitRule
from meshrec.render import rasterize
from meshrec.structures import PinholeCamera
from tests.support.fit_people import HEIGHT, WIDTH, write_standing_pack
from tests.support.standing_fits import standing_fits


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


@pytest.fixture(scope="module")
def fitted(body, tmp_path_factory):
    """People, the folder of their pictures, and the silhouette of the first one's mesh in the picture."""
    folder = tmp_path_factory.mktemp("data")
    data = DataSet.open(str(write_standing_pack(folder / "pack", body, 3)))
    people = fit_people(data.people, Fitter(body, torch.nn.Module(), fit=standing_fits), FitRule(), folder / "f.npz")
    size = (HEIGHT, WIDTH)
    camera = PinholeCamera(*(torch.from_numpy(rows[:1]) for rows in (people.focal_px, people.centre_px)), size)
    drawn = rasterize(fitted_body(people.select([0]), body).vertices_cam[None], body.faces, camera, size)
    return people, data.images, drawn.mask[0].numpy()


def overlap_with(mask, fitted, body, size=None):
    people, images, _ = fitted
    Image.fromarray(mask.astype(np.uint8)).save(images / "mask.png")
    return mask_overlap(people.select([0]).replace(mask_file=["mask.png"]), images, body)


def test_a_mesh_covers_its_own_silhouette_and_half_of_it_by_half(fitted, body):
    silhouette = fitted[2]
    assert overlap_with(silhouette, fitted, body) > 0.93  # the mask has half the crop's resolution
    upper = silhouette & (np.arange(HEIGHT)[:, None] < HEIGHT / 2)
    assert overlap_with(upper, fitted, body) == pytest.approx(upper.sum() / silhouette.sum(), abs=0.04)


def test_only_kept_fits_of_people_with_masks_are_compared(fitted, body):
    people, images, _ = fitted
    outline = {"px": np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]]), "ring": np.zeros(4)}
    outlines = Ragged.from_samples([outline, None, outline], RAGGED["outlines"])
    masked = people.replace(outlines=outlines)
    assert people.fit_kept.tolist() == [True, True, False]
    assert len(mask_overlaps(masked, images, body)) == 1 and 0.05 < mask_overlaps(masked, images, body)[0] < 0.5
    assert len(mask_overlaps(people, images, body)) == 0
