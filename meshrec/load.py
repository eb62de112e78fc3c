"""From a file of weights to a model that is ready to reconstruct, whichever method the weights are of."""

from __future__ import annotations

from pathlib import Path

import torch

from meshrec.body import BodyModel
from meshrec.build import load_decomr
from meshrec.build_hmr import NET as HMR_NET
from meshrec.build_hmr import load_hmr
from meshrec.checkpoint import read_metadata
from meshrec.engine.devices import pick_device
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.geometry.crops import WIDE_CROP_ENLARGEMENT
from meshrec.iuv.predictor import IuvPredictor, chosen_finder
from meshrec.models.spin_official import SPIN_EXTENSIONS, SPIN_INPUT_SIZE, load_official_spin
from meshrec.pipeline import MeshModel
from meshrec.structures import SMPL24
from meshrec.structures.batch import BETAS

DECOMR, HMR = "decomr", "hmr"
METHODS = (DECOMR, HMR)


def load_model(
    weights: str | Path | None = None,
    body: str | Path | None = None,
    device: str | torch.device | None = None,
    finder: IuvPredictor | bool = True,
    method: str | None = None,
    fast: bool = False,
) -> MeshModel:
    """A model that is ready to reconstruct.

    Args:
        weights: a file written by ``tools/train.py``, or an official checkpoint of SPIN (``.pt``, ``.pth``, ``.tar``);
            the method's shipped ones without.
        body: an SMPL-format file; the shipped body without one. Weights belong to the body they were trained on.
        device: for example ``"cuda"``; the CPU without one.
        finder: who finds people: True for the shipped DensePose-RCNN, False for nobody (photos are then taken as
            showing one person, unless boxes are given), or any of `meshrec.iuv.predictor`.
        method: ``"decomr"``, vertices by way of dense correspondence, or ``"hmr"``, parameters of the body. Without one
            the weights say, and without weights it is decomr.
        fast: the net's own answer at once. Otherwise nets of ours look at every crop several times, where they can,
            and a body is fitted to the mesh and the joints that they found.
    Raises:
        AssetNotFound: a file is missing.
        CheckpointMismatch: the weights are damaged, or belong to another method, net, body or atlas.
        InvalidInput: an unknown method, a body file that is damaged or of another kind, or SPIN without SMPL.
        MeshrecError: the device is not available.
    """
    if method not in (None, *METHODS):
        raise InvalidInput(f"There is no method {method!r}; choose one of {', '.join(METHODS)}.")
    if weights is not None and Path(weights).suffix != ".safetensors":
        if method == DECOMR:
            raise InvalidInput(f"{weights} is no file of ours (.safetensors), which decomr needs.")
        _check_is_spin(Path(weights))
        return _load_spin(weights, body, device, finder)
    if (method or _method_of(weights)) == HMR:
        return load_hmr(weights, body, device, finder, fast)
    return load_decomr(weights, body, device, finder, fast)


def _method_of(weights: str | Path | None) -> str:
    return HMR if weights is not None and read_metadata(weights).get("net") == HMR_NET else DECOMR


def _check_is_spin(weights: Path) -> None:
    """Before anybody is asked for SMPL, which only SPIN's checkpoints need."""
    if weights.suffix not in SPIN_EXTENSIONS:
        official = ", ".join(SPIN_EXTENSIONS)
        raise InvalidInput(f"{weights} is neither a file of ours (.safetensors) nor one of SPIN's ({official}).")
    if not weights.is_file():
        raise AssetNotFound(f"There is no weights file {weights}.")


def _load_spin(
    weights: str | Path, body: str | Path | None, device: str | torch.device | None, finder: IuvPredictor | bool
) -> MeshModel:
    """Official SPIN; it knows SMPL's shapes, which mean something else on any other body."""
    if body is None:
        raise InvalidInput(f"{weights} predicts parameters of SMPL, so it needs SMPL's file as the body (--body).")
    net, smpl = load_official_spin(weights), BodyModel.from_file(body)
    if smpl.joint_count != len(SMPL24) or smpl.beta_count < BETAS:
        raise InvalidInput(
            f"{weights} predicts {len(SMPL24)} joints and {BETAS} betas of SMPL, but {body} has {smpl.joint_count} and "
            f"{smpl.beta_count}: give SMPL's own file as the body."
        )
    target = pick_device("cpu" if device is None else str(device))
    return MeshModel(
        net.to(target),
        smpl.to(target),
        SPIN_INPUT_SIZE,
        target,
        chosen_finder(finder, target),
        crop_enlargement=WIDE_CROP_ENLARGEMENT,
    )
