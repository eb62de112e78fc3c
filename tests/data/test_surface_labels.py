"""Dense correspondence within masks: hidden pixels are none, clothes show the nearest point of the body."""

import numpy as np
import torch

from meshrec.data.surface_labels import SurfaceImage, within_masks

SIZE = 12


def drawn_and_mask():
    """A square of made-up surface, and a mask that hides its left column and reaches further to the right."""
    generator = torch.Generator().manual_seed(0)
    seen = torch.zeros(2, SIZE, SIZE)
    seen[0, 3:7, 3:6] = seen[1, 0:2, 0:2] = 1
    uv, part = torch.rand(2, 2, SIZE, SIZE, generator=generator), torch.randint(1, 25, (2, SIZE, SIZE))
    mask = torch.zeros(2, SIZE, SIZE)
    mask[0, 2:8, 4:10] = mask[1, 6:, 6:] = 1
    return SurfaceImage(seen, uv * seen[:, None], part * seen.long(), seen.clone()), mask


def test_pixels_show_what_is_drawn_there_or_else_nearest_to_them():
    drawn, mask = drawn_and_mask()
    shown = within_masks(drawn, mask)
    visible = np.argwhere((drawn.mask * mask)[0].numpy() > 0)
    for row, column in np.argwhere(mask[0].numpy() > 0):
        away = np.linalg.norm(visible - (row, column), axis=1)
        candidates = visible[away <= away.min() + 0.45]  # OpenCV measures distances by small steps
        points = [drawn.uv[0, :, r, c] for r, c in candidates]
        assert any(torch.equal(shown.uv[0, :, row, column], point) for point in points)
        assert shown.part[0, row, column] > 0 and shown.front[0, row, column] == 1
    inside = (drawn.mask * mask)[0] > 0
    assert torch.equal(shown.uv[0][:, inside], drawn.uv[0][:, inside])
    assert torch.equal(shown.part[0][inside], drawn.part[0][inside])


def test_outside_of_the_mask_there_is_nothing_and_a_mesh_beside_its_mask_shows_nothing():
    drawn, mask = drawn_and_mask()
    shown = within_masks(drawn, mask)
    outside = mask[0] == 0
    assert not shown.uv[0][:, outside].any() and not shown.part[0][outside].any() and not shown.front[0][outside].any()
    assert torch.equal(shown.mask[0], mask[0])
    assert not any(values[1].any() for values in (shown.mask, shown.uv, shown.part, shown.front))


def test_a_mask_of_what_is_drawn_changes_nothing():
    drawn, _ = drawn_and_mask()
    shown = within_masks(drawn, drawn.mask)
    for name in ("mask", "uv", "part", "front"):
        assert torch.equal(getattr(shown, name), getattr(drawn, name))
