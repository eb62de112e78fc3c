import torch
import torch.nn.functional as F

from meshrec.iuv.rcnn.chart_head import ChartMaps, ChartPredictor, DeepLabHead, PyramidDecoder


def test_the_decoder_adds_up_what_each_level_says_at_stride_four():
    """With convolutions that pass values on, constant levels add up to the sum of their constants."""
    decoder = PyramidDecoder(1, 1)
    with torch.no_grad():
        for conv in [*(conv for level in decoder.levels for conv in level), decoder.last]:
            conv.weight.zero_()[0, 0, conv.weight.shape[2] // 2, conv.weight.shape[3] // 2] = 1.0
        merged = decoder([torch.full((1, 1, 32 >> level, 64 >> level), 10.0**level) for level in range(4)])
    assert [len(level) for level in decoder.levels] == [1, 1, 2, 3]
    torch.testing.assert_close(merged, torch.full((1, 1, 32, 64), 1111.0))


def test_the_deeplab_head_sees_the_whole_box_through_its_average():
    torch.manual_seed(0)
    head = DeepLabHead(64, 64, 1).eval()
    with torch.no_grad():
        for branch in head.branches:
            branch[1].weight.zero_()  # silence all but the average
        x = torch.randn(1, 64, 14, 14)
        got = head(x)
        moved = head(x.roll((5, 3), (2, 3)))
        other = head(x + torch.randn(1, 64, 1, 1))
    torch.testing.assert_close(got, moved, rtol=1e-4, atol=1e-4)  # it forgets where
    assert (got - other).abs().max() > 0.1


def test_maps_are_four_times_as_large_and_confidence_scales_the_logits_only():
    torch.manual_seed(0)
    predictor = ChartPredictor(4, 2, 25, segm_confidence=True)
    x = torch.randn(3, 4, 7, 7)
    with torch.no_grad():
        for layer, bias in ((predictor.coarse_confidence, 2.0), (predictor.fine_confidence, -1.0)):
            layer.weight.zero_()
            layer.bias.fill_(bias)
        maps = predictor(x)
        plain = {
            name: F.interpolate(getattr(predictor, name)(x), scale_factor=2.0, mode="bilinear", align_corners=False)
            for name in ("coarse_segm", "fine_segm", "u", "v")
        }
    # log(1 + e^2) + 0.01 and log(1 + e^-1) + 0.01
    factors = {"coarse_segm": 2.136928, "fine_segm": 0.323262, "u": 1.0, "v": 1.0}
    for name, factor in factors.items():
        assert getattr(maps, name).shape[2:] == (28, 28)
        torch.testing.assert_close(getattr(maps, name), plain[name] * factor)


def test_maps_of_a_batch_split_into_those_of_its_images():
    maps = ChartMaps(
        *(torch.arange(5.0)[:, None, None, None].expand(5, channels, 2, 2) for channels in (2, 25, 25, 25))
    )
    parts = maps.split([2, 0, 3])
    assert [part.u[:, 0, 0, 0].tolist() for part in parts] == [[0.0, 1.0], [], [2.0, 3.0, 4.0]]
