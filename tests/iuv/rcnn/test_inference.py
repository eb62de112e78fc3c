import numpy as np
import pytest
import torch
from PIL import Image

from meshrec.errors import InvalidInput
from meshrec.iuv.rcnn.config import BoxConfig, ChartConfig, InputConfig, RcnnConfig
from meshrec.iuv.rcnn.inference import describe_people, find_people, in_photo, network_input, network_size, padded_batch
from meshrec.iuv.rcnn.model import DensePoseRcnn
from meshrec.iuv.results import ChartOutput

ZOO_INPUT = InputConfig()


@pytest.mark.parametrize(
    ("photo", "expected"),
    [
        ((480, 640), (800, 1067)),  # 800 / 480 * 640 = 1066.67
        ((640, 480), (1067, 800)),
        ((427, 640), (800, 1199)),
        ((500, 500), (800, 800)),
        ((300, 640), (625, 1333)),  # the long side would be 1707
        ((1600, 1200), (1067, 800)),
        ((1, 5000), (1, 1333)),
    ],
)
def test_the_short_side_is_fixed_unless_the_long_one_gets_too_long(photo, expected):
    assert network_size(*photo, ZOO_INPUT) == expected


def test_photos_are_resized_by_a_filter_that_averages():
    photo = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    config = InputConfig(short_side_px=16, long_side_px=100)
    got = network_input(photo, config)
    assert got.dtype == torch.uint8 and got.shape == (3, 16, 24)
    expected = np.asarray(Image.fromarray(photo).resize((24, 16), Image.Resampling.BILINEAR))
    assert np.array_equal(got.permute(1, 2, 0).numpy(), expected)
    assert got.float().std() < 0.5 * photo.std()  # single pixels would keep the noise


@pytest.mark.parametrize(
    "photo", [np.zeros((4, 4)), np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8), "x"]
)
def test_other_things_than_photos_are_refused(photo):
    with pytest.raises(InvalidInput, match="photo"):
        network_input(photo, ZOO_INPUT)


def test_images_of_several_sizes_make_one_batch():
    images = [torch.full((3, 2, 5), 7, dtype=torch.uint8), torch.full((3, 4, 3), 9, dtype=torch.uint8)]
    batch, sizes = padded_batch(images)
    assert batch.shape == (2, 3, 4, 5) and sizes.tolist() == [[2, 5], [4, 3]]
    assert torch.equal(batch[0, :, :2], images[0]) and torch.equal(batch[1, :, :, :3], images[1])
    assert batch[0, :, 2:].max() == 0 and batch[1, :, :, 3:].max() == 0


def test_boxes_return_to_the_photo_and_those_without_extent_go():
    maps = torch.arange(3.0)[:, None, None, None]
    boxes = torch.tensor([[20.0, 30.0, 40.0, 60.0], [200.0, 0.0, 200.0, 9.0], [0.0, 0.0, 200.0, 90.0]])
    output = ChartOutput(maps.expand(3, 2, 4, 4), *[maps.expand(3, 25, 4, 4)] * 3, boxes, torch.tensor([0.9, 0.8, 0.7]))
    got = in_photo(output, torch.tensor([90, 200]), torch.tensor([180, 100]))
    assert got.boxes_xyxy_px.tolist() == [[10.0, 60.0, 20.0, 120.0], [0.0, 0.0, 100.0, 180.0]]
    assert got.scores.tolist() == pytest.approx([0.9, 0.7]) and got.u[:, 0, 0, 0].tolist() == [0.0, 2.0]


@pytest.fixture
def model():
    """A tiny net that finds three people everywhere."""
    torch.manual_seed(0)
    config = RcnnConfig(
        backbone="resnet10t",
        pyramid_channels=8,
        input=InputConfig(short_side_px=64, long_side_px=96),
        boxes=BoxConfig(width=16, max_people=3),
        charts=ChartConfig(decoder_channels=8, width=8, convolutions=1, pooled_size=7),
    )
    model = DensePoseRcnn(config).eval()
    with torch.no_grad():
        model.box_head.logits.bias.copy_(torch.tensor([3.0, 0.0]))
        model.box_head.deltas.weight.normal_(std=0.5)
    return model


def test_photos_of_one_batch_give_what_each_gives_alone_in_its_own_pixels(model):
    photos = [
        np.random.default_rng(i).integers(0, 256, (size, 192, 3), dtype=np.uint8) for i, size in enumerate((128, 160))
    ]
    together = find_people(model, photos)
    alone = [find_people(model, [photo])[0] for photo in photos]
    assert [len(output) for output in together] == [3, 3]
    for batch, single, photo in zip(together, alone, photos):
        torch.testing.assert_close(batch.boxes_xyxy_px, single.boxes_xyxy_px, rtol=1e-3, atol=1e-2)
        torch.testing.assert_close(batch.fine_segm, single.fine_segm, rtol=1e-2, atol=1e-2)
        assert (batch.boxes_xyxy_px.amax(0)[2:] <= torch.tensor([192, photo.shape[0]])).all()
    assert together[0].boxes_xyxy_px.max() > 96  # more than the net's input is wide
    assert find_people(model, []) == []


def test_described_people_have_the_charts_of_found_ones_in_the_order_of_their_boxes(model):
    photo = np.random.default_rng(0).integers(0, 256, (128, 192, 3), dtype=np.uint8)
    (found,) = find_people(model, [photo])
    described = describe_people(model, photo, found.boxes_xyxy_px.flip(0))
    for name in ("coarse_segm", "fine_segm", "u", "v"):
        torch.testing.assert_close(getattr(described, name).flip(0), getattr(found, name), rtol=1e-3, atol=1e-3)
    assert described.scores.tolist() == [1.0] * 3
    cut = describe_people(model, photo, torch.tensor([[-50, 20, 60, 500]]))
    assert cut.boxes_xyxy_px.tolist() == [[0.0, 20.0, 60.0, 128.0]]
    assert len(describe_people(model, photo, torch.zeros(0, 4))) == 0
