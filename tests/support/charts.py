"""Made-up raw outputs and charts of DensePose-style heads."""

from __future__ import annotations

import torch

from meshrec.iuv.results import ChartOutput, ChartResult, PersonIuv


def raw_output(boxes_xyxy, coarse: int = 2, size: int = 12, seed: int = 0) -> ChartOutput:
    """Random maps for boxes (N, 4); about half of the pixels are person, U and V leave [0, 1] a little."""
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.tensor(boxes_xyxy, dtype=torch.float32).reshape(-1, 4)
    people = len(boxes)
    coarse_segm = torch.randn(people, coarse, size, size, generator=generator)
    coarse_segm[:, 0] += (coarse - 2) * 0.12  # with many classes background wins as rarely as each of them
    fine_segm = torch.randn(people, 25, size, size, generator=generator)
    u, v = (torch.rand(people, 25, size, size, generator=generator) * 1.1 - 0.05 for _ in range(2))
    scores = torch.rand(people, generator=generator)
    return ChartOutput(coarse_segm, fine_segm, u, v, boxes, scores)


def chart_person(origin_xy, size, score: float, seed: int = 0, filled: float = 0.5) -> PersonIuv:
    """A person whose chart of (height, width) holds random parts and coordinates on some of its pixels."""
    generator = torch.Generator().manual_seed(seed)
    height, width = size
    shown = torch.rand(height, width, generator=generator) < filled
    labels = torch.randint(1, 25, (height, width), generator=generator) * shown
    uv = torch.rand(2, height, width, generator=generator) * shown
    left, top = origin_xy
    box = torch.tensor([left, top, left + width, top + height], dtype=torch.float32)
    return PersonIuv(box, score, ChartResult(labels, uv, (left, top)))
