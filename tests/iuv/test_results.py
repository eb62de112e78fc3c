"""The containers of DensePose-style results."""

import pytest
import torch

from meshrec.errors import InvalidInput
from meshrec.iuv.results import ChartOutput, ChartResult, PersonIuv, QuantisedResult


def output(people=3, coarse=2, size=4):
    generator = torch.Generator().manual_seed(0)
    maps = [torch.rand(people, channels, size, size, generator=generator) for channels in (coarse, 25, 25, 25)]
    return ChartOutput(*maps, torch.rand(people, 4, generator=generator), torch.rand(people, generator=generator))


@pytest.mark.parametrize("coarse", [2, 15])
def test_one_person_of_an_output_keeps_the_axis_and_every_field(coarse):
    everyone = output(coarse=coarse)
    last = everyone[-1]
    assert len(everyone) == 3 and len(last) == 1
    for name in ("coarse_segm", "fine_segm", "u", "v", "boxes_xyxy_px", "scores"):
        assert torch.equal(getattr(last, name), getattr(everyone, name)[2:]), name
    assert len(everyone[torch.tensor([True, False, True])]) == 2
    assert len(everyone[:0]) == 0


def test_an_output_moves_as_a_whole():
    assert {tensor.dtype for tensor in output().to(torch.float64).tensors()} == {torch.float64}


def test_fields_that_do_not_fit_together_are_refused():
    good = output()
    with pytest.raises(ValueError, match="fine_segm must have shape"):
        ChartOutput(good.coarse_segm, good.fine_segm[:, :24], good.u, good.v, good.boxes_xyxy_px, good.scores)
    with pytest.raises(ValueError, match="scores must have shape"):
        ChartOutput(good.coarse_segm, good.fine_segm, good.u, good.v, good.boxes_xyxy_px, good.scores[:2])
    with pytest.raises(ValueError, match="uv must have shape"):
        ChartResult(torch.zeros(4, 5, dtype=torch.long), torch.zeros(2, 5, 4))
    with pytest.raises(ValueError, match="labels must be integers"):
        ChartResult(torch.zeros(4, 5), torch.zeros(2, 4, 5))
    with pytest.raises(ValueError, match="must be uint8"):
        QuantisedResult(torch.zeros(3, 4, 5))


@pytest.mark.parametrize("score", [-0.1, 1.5, float("nan")])
def test_a_score_that_is_no_confidence_is_refused(score):
    chart = ChartResult(torch.zeros(4, 5, dtype=torch.long), torch.zeros(2, 4, 5))
    with pytest.raises(InvalidInput, match="between 0 and 1"):
        PersonIuv(torch.zeros(4), score, chart)
