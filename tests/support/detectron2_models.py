"""Detectron2's own DensePose nets with random weights that behave like trained ones; needs detectron2."""

import pickle
from pathlib import Path

import numpy as np
import torch
from PIL import Image

OUTPUT_SPREAD = {  # of layers whose output is not rectified; all others come out near one
    "objectness_logits": 2.0,
    "anchor_deltas": 0.3,
    "cls_score": 3.0,
    "bbox_pred": 1.0,
    "ann_index_lowres": 3.0,
    "index_uv_lowres": 3.0,
}
PEOPLE_SHARE = 0.03  # of the proposals that score as people, before those that overlap are suppressed
LEAST_MARGIN = -2.944  # of the logits of person and background at detectron2's smallest score, 0.05


def detectron2_model(name: str, photo: np.ndarray, folder: Path):
    """A net of one of the zoo's configurations, in evaluation mode, and its file in the zoo's layout.

    Args:
        name: of a configuration in detectron2's DensePose project.
        photo: (H, W, 3) uint8 RGB to which the activations are scaled.
    Returns:
        The net, its configuration and the file.
    """
    import densepose
    from detectron2.config import get_cfg
    from detectron2.modeling import build_model

    config = get_cfg()
    densepose.add_densepose_config(config)
    config.merge_from_file(str(Path(densepose.__file__).parents[1] / "configs" / f"{name}.yaml"))
    config.MODEL.DEVICE = "cpu"
    torch.manual_seed(0)
    model = build_model(config).eval()
    with torch.no_grad():
        _settle(model, resized(photo, config))
    weights = {key: value.numpy() for key, value in model.state_dict().items()}
    path = folder / f"{name}.pkl"
    path.write_bytes(pickle.dumps({"model": weights, "__author__": "meshrec's tests"}, 4))
    return model, config, path


def resized(photo: np.ndarray, config) -> dict:
    """What detectron2's predictor gives its net."""
    from detectron2.data.transforms import ResizeShortestEdge

    resize = ResizeShortestEdge([config.INPUT.MIN_SIZE_TEST] * 2, config.INPUT.MAX_SIZE_TEST)
    image = resize.get_transform(photo).apply_image(photo[:, :, ::-1])
    tensor = torch.as_tensor(image.astype("float32").transpose(2, 0, 1))
    return {"image": tensor, "height": photo.shape[0], "width": photo.shape[1]}


def read_rgb(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def _settle(model, photo: dict) -> None:
    """Run once, and before or after each layer scale what it does to sensible numbers."""
    hooks = []
    for name, module in model.named_modules():
        if type(module).__name__ == "FrozenBatchNorm2d":
            hooks.append(module.register_forward_pre_hook(_take_statistics))
        elif isinstance(module, torch.nn.GroupNorm):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.2)
        elif isinstance(module, (torch.nn.Conv2d, torch.nn.ConvTranspose2d, torch.nn.Linear)):
            if getattr(module, "norm", None) is None:
                hooks.append(module.register_forward_hook(_scaling(name.rpartition(".")[2])))
    model([photo])
    for hook in hooks:
        hook.remove()


def _take_statistics(norm, inputs) -> None:
    values = inputs[0].transpose(0, 1).flatten(1)
    norm.running_mean.copy_(values.mean(1) + 0.1 * values.std(1) * torch.randn(len(values)))
    norm.running_var.copy_(values.var(1) * (0.5 + torch.rand(len(values))) + 1e-3)
    torch.nn.init.uniform_(norm.weight, 0.3, 0.8)
    torch.nn.init.normal_(norm.bias, std=0.2)


def _scaling(name: str):
    def hook(layer, inputs, output):
        # One layer of the proposals serves all levels: the first, which is the finest, decides.
        if getattr(layer, "is_settled", False):
            return output
        layer.is_settled = True
        layer.weight.mul_(OUTPUT_SPREAD.get(name, 1.0) / output.std())
        if layer.bias is not None:
            torch.nn.init.normal_(layer.bias, std=0.1)
        if name == "cls_score":
            margin = layer.forward(inputs[0]) @ torch.tensor([1.0, -1.0])
            layer.bias[1] += margin.quantile(1 - PEOPLE_SHARE) - LEAST_MARGIN
        return layer.forward(inputs[0])

    return hook
