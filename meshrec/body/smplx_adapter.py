"""Exchanges bodies with the optional, non-commercially licensed smplx package; the only file that imports it."""

from __future__ import annotations

from typing import Any

import numpy as np

from meshrec.body.model import BodyModel
from meshrec.body.smpl_files import check_smpl_arrays
from meshrec.optional import require


def to_smplx(body: BodyModel, batch: int = 1) -> Any:
    """A ``smplx.SMPL`` layer of a body with 24 joints.

    Args:
        body: any body whose first ten shape coefficients suffice, which is all that smplx uses.
        batch: the layer's batch size.
    Raises:
        MissingDependency: smplx is not installed.
    """
    smplx = require("smplx", purpose="exchange bodies with it", extra="smplx")
    struct = require("smplx.utils", purpose="exchange bodies with it", extra="smplx").Struct
    vertices, joints = body.vertex_count, body.joint_count
    parents = body.parents.cpu().numpy()
    arrays = struct(
        v_template=body.template_vertices.cpu().numpy(),
        shapedirs=body.shape_directions.cpu().numpy(),
        posedirs=body.pose_directions.cpu().numpy().T.reshape(vertices, 3, 9 * (joints - 1)),
        J_regressor=body.joint_regressor.cpu().numpy(),
        weights=body.skinning_weights.cpu().numpy(),
        kintree_table=np.stack([parents, np.arange(joints)]),
        f=body.faces.cpu().numpy(),
    )
    return smplx.SMPL("", data_struct=arrays, batch_size=batch)


def from_smplx(layer: Any) -> BodyModel:
    """The body of a ``smplx.SMPL`` layer, however smplx loaded it.

    Raises:
        InvalidInput: the layer's arrays are not those of an SMPL-format body.
    """
    vertices = layer.v_template.shape[0]
    arrays = {
        "v_template": layer.v_template,
        "shapedirs": layer.shapedirs,
        "posedirs": layer.posedirs.T.reshape(vertices, 3, -1),
        "J_regressor": layer.J_regressor,
        "weights": layer.lbs_weights,
        "f": np.asarray(layer.faces, np.int64),
        "kintree_table": np.stack([layer.parents.cpu().numpy(), np.arange(len(layer.parents))]),
    }
    arrays = {
        key: value if isinstance(value, np.ndarray) else value.detach().cpu().numpy() for key, value in arrays.items()
    }
    return BodyModel(check_smpl_arrays(arrays, "the smplx layer"))
