"""Shadows lie on the ground around feet, and several of them multiply."""

import torch

from meshrec.data.detection.ground_shadows import darken_ground
from meshrec.data.detection.scene_cameras import SceneCameras
from meshrec.data.synthetic.dice import Dice
from meshrec.structures import PinholeCamera

SIZE, FOCAL_PX, EYE_M = 120, 100.0, 1.5


def level_camera(scenes=1):
    """At eye height, looking straight ahead: the horizon is the middle row."""
    rotation = torch.diag(torch.tensor([1.0, -1.0, -1.0])).expand(scenes, 3, 3)
    pinhole = PinholeCamera(torch.full((scenes, 2), FOCAL_PX), torch.full((scenes, 2), SIZE / 2), (SIZE, SIZE))
    sizes = torch.full((scenes, 2), SIZE)
    return SceneCameras(rotation, torch.full((scenes,), EYE_M), torch.full((scenes,), 4.0), pinhole, sizes)


def standing(x, distance_m):
    """A post 1.6 m tall at a place on the ground: points around its origin at the hip, and the origin, camera axes."""
    post = torch.tensor([[dx, y, dz] for y in (0.9, 0.8, -0.7) for dx in (-0.15, 0.15) for dz in (-0.1, 0.1)])
    return post.repeat_interleave(4, 0), torch.tensor([x, EYE_M - 0.9, distance_m])


def shadows(people, image=None):
    bodies, offsets = (torch.stack(values) for values in zip(*people))
    image = torch.zeros(len(people), dtype=torch.long) if image is None else torch.tensor(image)
    scenes = int(image.max()) + 1
    background = torch.full((scenes, 3, SIZE, SIZE), 0.8)
    return darken_ground(background, level_camera(scenes), bodies, offsets, image, Dice(1))[:, 0] / 0.8


def test_the_shadow_is_darkest_where_the_feet_stand_and_absent_above_the_horizon():
    light = shadows([standing(0.5, 4.0)])[0]
    row, column = divmod(int(light.argmin()), SIZE)
    assert abs(column + 0.5 - (SIZE / 2 + FOCAL_PX * 0.5 / 4)) <= 3  # shadows are made at a quarter of the resolution
    assert abs(row + 0.5 - (SIZE / 2 + FOCAL_PX * EYE_M / 4)) <= 3
    assert light.min() < 0.9 and (light[: SIZE // 2 - 4] > 0.999).all() and light[-1, 0] > 0.999


def test_shadows_multiply_and_stay_in_their_own_scene():
    one, other = standing(0.0, 4.0), standing(0.2, 4.0)
    both, apart = shadows([one, other])[0], shadows([one, other], image=[0, 1])
    alone = shadows([one])[0]
    torch.testing.assert_close(apart[0], alone)  # the same draw of the strength
    assert both.min() < alone.min() and (both <= alone + 1e-6).all()
