"""Made-up files in the layout of detectron2's DensePose zoo: the names and shapes that are known of the real ones."""

import pickle
from pathlib import Path

import numpy as np

Shapes = dict[str, tuple[int, ...]]
_BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}


def zoo_shapes(depth: int = 50, head: str = "v1convx", legacy: bool = False, confidence: str = "") -> Shapes:
    """Names and shapes of a chart model's weights.

    Args:
        head: ``v1convx`` or ``deeplab``.
        legacy: without a decoder, with 15 coarse channels.
        confidence: empty or ``WC1``, ``WC1M``, ``WC2``, ``WC2M``.
    """
    shapes = {**_backbone(depth), **_first_stage(), **_box_head()}
    if not legacy:
        shapes |= _decoder()
    shapes |= _plain_head() if head == "v1convx" else _deeplab_head()
    return shapes | _predictor(15 if legacy else 2, confidence)


def write_zoo_file(path: Path, shapes: Shapes, seed: int = 0) -> dict[str, np.ndarray]:
    """A file of small random weights in the zoo's layout, and what it holds."""
    random = np.random.default_rng(seed)
    weights = {name: random.random(shape, np.float32) * np.float32(0.01) for name, shape in shapes.items()}
    path.write_bytes(pickle.dumps({"model": weights, "__author__": "Detectron2 Model Zoo"}, 4))
    return weights


def _layer(name: str, *weight: int, outputs: int | None = None) -> Shapes:
    """A weight and a bias of as many outputs."""
    return {f"{name}.weight": weight, f"{name}.bias": (weight[0] if outputs is None else outputs,)}


def _norm(name: str, channels: int) -> Shapes:
    return {f"{name}.norm.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}


def _backbone(depth: int) -> Shapes:
    shapes = {"backbone.bottom_up.stem.conv1.weight": (64, 3, 7, 7), **_norm("backbone.bottom_up.stem.conv1", 64)}
    channels = 64
    for stage, blocks in enumerate(_BLOCKS[depth], start=2):
        inner, outer = 2 ** (stage + 4), 2 ** (stage + 6)
        for block in range(blocks):
            start = f"backbone.bottom_up.res{stage}.{block}"
            convs = {"conv1": (inner, channels, 1, 1), "conv2": (inner, inner, 3, 3), "conv3": (outer, inner, 1, 1)}
            if block == 0:
                convs["shortcut"] = (outer, channels, 1, 1)
            for name, shape in convs.items():
                shapes |= {f"{start}.{name}.weight": shape, **_norm(f"{start}.{name}", shape[0])}
            channels = outer
        shapes |= _layer(f"backbone.fpn_lateral{stage}", 256, outer, 1, 1)
        shapes |= _layer(f"backbone.fpn_output{stage}", 256, 256, 3, 3)
    return shapes


def _first_stage() -> Shapes:
    start = "proposal_generator.rpn_head"
    return {
        **_layer(f"{start}.conv", 256, 256, 3, 3),
        **_layer(f"{start}.objectness_logits", 3, 256, 1, 1),
        **_layer(f"{start}.anchor_deltas", 12, 256, 1, 1),
        **{f"proposal_generator.anchor_generator.cell_anchors.{level}": (3, 4) for level in range(5)},
        "pixel_mean": (3, 1, 1),
        "pixel_std": (3, 1, 1),
    }


def _box_head() -> Shapes:
    return {
        **_layer("roi_heads.box_head.fc1", 1024, 12544),
        **_layer("roi_heads.box_head.fc2", 1024, 1024),
        **_layer("roi_heads.box_predictor.cls_score", 2, 1024),
        **_layer("roi_heads.box_predictor.bbox_pred", 4, 1024),
    }


def _decoder() -> Shapes:
    shapes: Shapes = {}
    for layer in ("p2.0", "p3.0", "p4.0", "p4.2", "p5.0", "p5.2", "p5.4"):
        shapes |= _layer(f"roi_heads.decoder.{layer}", 256, 256, 3, 3)
    return shapes | _layer("roi_heads.decoder.predictor", 256, 256, 1, 1)


def _plain_head() -> Shapes:
    shapes: Shapes = {}
    for number in range(1, 9):
        shapes |= _layer(f"roi_heads.densepose_head.body_conv_fcn{number}", 512, 256 if number == 1 else 512, 3, 3)
    return shapes


def _deeplab_head() -> Shapes:
    start = "roi_heads.densepose_head"
    shapes: Shapes = {f"{start}.ASPP.project.0.weight": (256, 1280, 1, 1)}
    for branch, kernel in enumerate((1, 3, 3, 3)):
        shapes[f"{start}.ASPP.convs.{branch}.0.weight"] = (256, 256, kernel, kernel)
        shapes |= _layer(f"{start}.ASPP.convs.{branch}.1", 256)
    shapes[f"{start}.ASPP.convs.4.1.weight"] = (256, 256, 1, 1)
    shapes |= _layer(f"{start}.ASPP.convs.4.2", 256)
    for number in range(1, 9):
        shapes[f"{start}.body_conv_fcn{number}.weight"] = (512, 256 if number == 1 else 512, 3, 3)
        shapes |= _layer(f"{start}.body_conv_fcn{number}.norm", 512)
    return shapes


def _predictor(coarse_channels: int, confidence: str) -> Shapes:
    outputs = {"ann_index": coarse_channels, "index_uv": 25, "u": 25, "v": 25}
    if confidence:
        outputs["sigma_2"] = 25
    if confidence.startswith("WC2"):
        outputs |= {"kappa_u": 25, "kappa_v": 25}
    if confidence.endswith("M"):
        outputs |= {"fine_segm_confidence": 1, "coarse_segm_confidence": 1}
    shapes: Shapes = {}
    for name, channels in outputs.items():
        shapes |= _layer(f"roi_heads.densepose_predictor.{name}_lowres", 512, channels, 4, 4, outputs=channels)
    return shapes
