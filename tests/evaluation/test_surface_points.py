"""Similarity of surface points, and what is left of it without a table of distances."""

import dataclasses
import math

import pytest
import torch

from meshrec.build import Surface
from meshrec.evaluation.surface_points import SurfaceRuler


@pytest.fixture(scope="module")
def surface():
    return Surface.load()


def corners(surface, faces):
    """Middles of faces on atlas and charts."""
    atlas = surface.atlas.face_texcoords[faces].mean(1)
    return atlas, surface.charts.face_part[faces], surface.charts.corner_uv[faces].mean(1)


def test_a_place_is_the_same_on_the_atlas_and_on_the_charts(surface):
    ruler = SurfaceRuler(surface)
    atlas_uv, part, chart_uv = corners(surface, torch.arange(0, 13776, 300))
    found, true = ruler.on_atlas(atlas_uv), ruler.on_charts(part, chart_uv)
    values, right = ruler.figures(found, true, torch.ones(len(true), dtype=torch.bool))
    assert values["gps"] == pytest.approx(1, abs=1e-4) and right.all()


def test_unseen_points_are_infinitely_far_and_distances_enter_by_their_part(surface):
    ruler = SurfaceRuler(surface)
    points = ruler.on_atlas(corners(surface, torch.tensor([0, 5000, 9000]))[0])
    other = ruler.on_atlas(corners(surface, torch.tensor([40, 5040, 9040]))[0])
    distance = ruler.distances.between(other.vertices, other.weights, points.vertices, points.weights)
    assert 0.005 < distance.min() and distance.max() < 0.5
    seen = torch.tensor([True, False, True])
    values, _ = ruler.figures(other, points, seen)
    expected = sum(math.exp(-(d**2) / (2 * 0.255**2)) for d in distance[seen].tolist()) / 3
    assert values["gps"] == pytest.approx(expected, abs=1e-6) and values["gps_parts"] < values["gps"]


def test_for_a_body_without_a_table_parts_are_still_compared(surface):
    other = dataclasses.replace(surface, body=type("Other", (), {"hash": "0" * 16, "faces": surface.body.faces})())
    ruler = SurfaceRuler(other)
    points = ruler.on_atlas(corners(surface, torch.tensor([0, 5000]))[0])
    values, right = ruler.figures(points, points, torch.tensor([True, False]))
    assert values == {} and right.tolist() == [1, 0]
