"""What the synthetic camera adds, against OpenCV and arithmetic."""

import cv2
import numpy as np
import pytest
import torch

from meshrec.data.synthetic.camera_effects import _kernels, blur, develop, jpeg
from meshrec.data.synthetic.dice import Dice


def scene(count: int = 2, size: int = 48) -> torch.Tensor:
    rough = torch.rand(count, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(rough, size=(size, size), mode="bicubic").clamp(0, 1)


@pytest.mark.parametrize("quality", [20, 50, 90])
def test_jpeg_leaves_what_an_encoder_leaves(quality):
    picture = (scene(1)[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    encoded = cv2.imencode(".jpg", picture[..., ::-1].copy(), options)[1]
    peer = cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1].astype(np.float32)
    ours = jpeg(torch.from_numpy(picture).permute(2, 0, 1)[None] / 255, torch.tensor([float(quality)]))
    ours = ours[0].permute(1, 2, 0).numpy() * 255
    loss = np.abs(peer - picture.astype(np.float32)).mean()
    assert np.abs(ours - peer).mean() < 0.25 * loss + 0.6  # rounding to bytes between the encoder's steps


def test_jpeg_of_any_size_keeps_the_size_and_worse_quality_costs_more():
    picture = torch.rand(2, 3, 21, 35, generator=torch.Generator().manual_seed(0))
    found = jpeg(picture, torch.tensor([95.0, 10.0]))
    assert found.shape == picture.shape
    assert (found[0] - picture[0]).abs().mean() < 0.3 * (found[1] - picture[1]).abs().mean()


def test_every_picture_is_blurred_by_its_own_kernel():
    kernels = torch.zeros(2, 9, 9)
    kernels[0, 4, 4], kernels[1, 4, 5] = 1, 1  # one stays, one moves by a pixel
    picture = scene()
    found = blur(picture, kernels)
    assert torch.allclose(found[0], picture[0], atol=1e-6)
    assert torch.allclose(found[1, :, :, :-1], picture[1, :, :, 1:], atol=1e-6)


def test_kernels_keep_brightness_and_some_are_smeared_along_a_line():
    kernels = _kernels(400, Dice(0))
    assert torch.allclose(kernels.sum((1, 2)), torch.ones(400), atol=1e-5)
    steps = torch.arange(-4.0, 5)
    xx, yy = (kernels * steps[None, None] ** 2).sum((1, 2)), (kernels * steps[None, :, None] ** 2).sum((1, 2))
    xy = (kernels * steps[None, None] * steps[None, :, None]).sum((1, 2))
    spread = torch.linalg.eigvalsh(torch.stack([torch.stack([xx, xy], -1), torch.stack([xy, yy], -1)], -2))
    smeared = spread[:, 1] > 2 * spread[:, 0] + 0.3
    assert 0.05 < smeared.float().mean() < 0.25


def test_developed_pictures_stay_pictures_and_follow_the_seed():
    picture = scene(8)
    found, again, other = (
        develop(picture.clone(), Dice(1)),
        develop(picture.clone(), Dice(1)),
        develop(picture, Dice(2)),
    )
    assert torch.equal(found, again) and not torch.equal(found, other)
    assert found.min() >= 0 and found.max() <= 1 and (found - picture).abs().mean() > 0.01
