import pytest
import torch

from meshrec.iuv.rcnn.config import BoxConfig, ChartConfig, InputConfig, RcnnConfig
from meshrec.iuv.rcnn.model import LEVELS, DensePoseRcnn, Normalise

SMALL = RcnnConfig(
    backbone="resnet10t",
    pyramid_channels=8,
    boxes=BoxConfig(width=16, max_people=5),
    charts=ChartConfig(decoder_channels=8, width=8, convolutions=1, pooled_size=7),
)
FORMS = {
    "decoder and plain head": SMALL.charts,
    "pyramid and plain head": ChartConfig(decoder=False, width=8, convolutions=2, pooled_size=7, coarse_channels=15),
    "deeplab head": ChartConfig(decoder_channels=64, width=64, convolutions=1, pooled_size=7, head="deeplab"),
    "confidence": ChartConfig(decoder_channels=8, width=8, convolutions=1, pooled_size=7, segm_confidence=True),
}


def small_model(charts: ChartConfig = SMALL.charts) -> DensePoseRcnn:
    """A net whose boxes all count as people, so that the branch after them has something to do."""
    torch.manual_seed(0)
    model = DensePoseRcnn(RcnnConfig(**{**vars(SMALL), "charts": charts})).eval()
    with torch.no_grad():
        model.box_head.logits.weight.normal_(std=0.5)
        model.box_head.deltas.weight.normal_(std=0.5)
        model.regions_head.logits.weight.normal_()
    return model


def pictures(sizes_px: list[tuple[int, int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """A padded batch of noise, with garbage as padding."""
    random = torch.Generator().manual_seed(1)
    height, width = (max(size[axis] for size in sizes_px) for axis in (0, 1))
    images = torch.full((len(sizes_px), 3, height, width), 0.5)
    for image, size in zip(images, sizes_px):
        image[:, : size[0], : size[1]] = torch.rand((3, *size), generator=random)
    return images, torch.tensor(sizes_px)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_people_with_square_maps(form):
    images, sizes = pictures([(96, 128)])
    with torch.no_grad():
        (output,) = small_model(FORMS[form])(images, sizes)
    assert len(output) == 5 and output.u.shape == (5, 25, 28, 28)
    assert output.coarse_segm.shape[1] == FORMS[form].coarse_channels
    assert (output.scores.diff() <= 0).all() and (output.scores > 0.05).all()
    assert (output.boxes_xyxy_px >= 0).all() and (output.boxes_xyxy_px <= torch.tensor([128, 96, 128, 96])).all()


@pytest.mark.parametrize("form", FORMS)
def test_two_images_of_a_batch_come_out_as_each_alone(form):
    model = small_model(FORMS[form])
    # Alone, the second is padded to 32 px as in the batch: padding of other widths changes maps near it.
    images, sizes = pictures([(96, 128), (96, 100)])
    with torch.no_grad():
        together = model(images, sizes)
        alone = [*model(images[:1], sizes[:1]), *model(images[1:, :, :96, :100], sizes[1:])]
    assert not torch.equal(together[0].boxes_xyxy_px, together[1].boxes_xyxy_px)
    for batch, single in zip(together, alone):
        for name, value in vars(batch).items():
            # Rounding differs with the batch, and shifted boxes pass it on to the maps.
            torch.testing.assert_close(value, getattr(single, name), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("form", FORMS)
def test_images_without_people_give_empty_outputs(form):
    model = small_model(FORMS[form])
    with torch.no_grad():
        model.box_head.logits.bias.copy_(torch.tensor([-1e4, 1e4]))
        outputs = model(*pictures([(64, 64), (64, 48)]))
    assert [len(output) for output in outputs] == [0, 0]
    assert outputs[0].v.shape == (0, 25, 28, 28) and outputs[0].boxes_xyxy_px.shape == (0, 4)


def test_people_in_only_one_image_of_a_batch_stay_in_it():
    model = small_model()
    images, sizes = pictures([(64, 64), (64, 64)])
    nobody = torch.zeros(0, 4)
    somebody = torch.tensor([[4.0, 4.0, 40.0, 60.0]])
    with torch.no_grad():
        model.box_head.logits.bias.copy_(torch.tensor([1e4, -1e4]))
        features = model.features(images, sizes)
        maps = model.densepose(features, [nobody, somebody])
        expected = model.densepose({name: level[1:] for name, level in features.items()}, [somebody])
        people = model.detect(features, [nobody, somebody], sizes)
    assert [len(part.u) for part in maps.split([0, 1])] == [0, 1]
    torch.testing.assert_close(maps.fine_segm, expected.fine_segm, rtol=1e-3, atol=1e-3)
    assert maps.fine_segm.std() > 0.1
    assert [len(found) for found in people] == [0, 1]


def test_the_pyramid_has_five_levels_each_half_the_size_of_the_one_before():
    with torch.no_grad():
        features = small_model().features(*pictures([(65, 100)]))
    assert tuple(features) == LEVELS
    assert [tuple(level.shape[2:]) for level in features.values()] == [(24, 32), (12, 16), (6, 8), (3, 4), (2, 2)]


def test_pixels_are_normalised_in_the_configured_order_and_padded_with_zeros():
    normalise = Normalise(InputConfig(mean=(1.0, 2.0, 3.0), std=(1.0, 2.0, 4.0)))
    image = torch.tensor([10, 20, 30], dtype=torch.uint8)[:, None, None].expand(1, 3, 4, 40)
    sizes = torch.tensor([[3, 33]])
    out = normalise(image, sizes)
    assert out.shape == (1, 3, 32, 64)
    assert out[0, :, 2, 32].tolist() == [29.0, 9.0, 1.75]
    assert out[0, :, 3:].abs().max() == 0 and out[0, :, :, 33:].abs().max() == 0
    torch.testing.assert_close(normalise(image / 255, sizes), out, rtol=1e-6, atol=1e-5)
    in_rgb = Normalise(InputConfig(mean=(1.0, 2.0, 3.0), colours="rgb"))
    assert in_rgb(image, sizes)[0, :, 0, 0].tolist() == [9.0, 18.0, 27.0]


def test_gradients_reach_every_trained_weight():
    model = small_model(FORMS["confidence"]).train()
    images, sizes = pictures([(64, 64), (64, 64)])
    features = model.features(images, sizes)
    regions = model.regions(features)
    proposals = model.proposals(regions, sizes)
    logits, deltas = model.box_outputs(features, proposals)
    maps = model.densepose(features, [boxes[:3] for boxes in proposals])
    terms = [*regions.logits, *regions.deltas, logits, deltas, *vars(maps).values()]
    sum(term.square().mean() for term in terms).backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: InputConfig(colours="hsv"), "colours"),
        (lambda: InputConfig(short_side_px=900, long_side_px=800), "short_side_px"),
        (lambda: ChartConfig(head="transformer"), "head"),
        (lambda: ChartConfig(coarse_channels=3), "coarse_channels"),
        (lambda: small_model(ChartConfig(head="deeplab", decoder_channels=32)), "several channels"),
        (lambda: DensePoseRcnn(RcnnConfig(backbone_channels=(8, 8, 8, 8))), "fixed widths"),
    ],
)
def test_contradictory_configurations_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("form", FORMS)
def test_a_batch_without_boxes_trains_with_zero_gradients(form):
    model = small_model(FORMS[form]).train()
    images, sizes = pictures([(64, 64)])
    features = model.features(images, sizes)
    nobody = [torch.zeros(0, 4)]
    logits, deltas = model.box_outputs(features, nobody)
    maps = model.densepose(features, nobody)
    sum(term.sum() for term in (logits, deltas, *vars(maps).values())).backward()
    trained = [*model.box_head.named_parameters(), *model.charts.named_parameters()]
    assert [name for name, weight in trained if weight.grad is None or weight.grad.any()] == []
