"""The many-chart atlas: the 24 charts side by side on one sheet, as maps over DensePose's surface have them.

It is what the continuous atlas is compared to (configs/ablations): every part is an island, and each vertex on the
border of a part has a copy in every part that it belongs to. Nothing of it is shipped; it is packed in a moment.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.errors import InvalidInput
from meshrec.uv.atlas import UvAtlas
from meshrec.uv.charts import PartCharts
from meshrec.uv.parts import MIRROR_PART, PART_COUNT

_SIDE = 40.0  # units along one side of the sheet; the default body's surface has about 0.05 m in a unit
_MARGIN = 0.5  # units that a chart keeps from the edges of its place: neighbours are 3 texels of a 128 px map apart
# Places about as large as the parts are on the body, hands and heads larger, because they have as many vertices as a
# torso. The torso stands in the middle of the sheet, the right side of the body at small u, and the left mirrors it.
_TORSO = ((2, 0, 20, 14), (1, 20, 20, 12))  # part, top, height and width
_RIGHT = (  # top, height, and from the edge inwards: part and width
    (0, 12, ((9, 7), (7, 6))),
    (12, 8, ((3, 13),)),
    (20, 7, ((23, 8), (16, 6))),
    (27, 7, ((11, 5), (13, 4), (18, 5))),
    (34, 6, ((6, 8), (20, 3), (22, 3))),
)


def pack_charts(charts: PartCharts, faces: Tensor) -> UvAtlas:
    """An atlas of the charts' body.

    Args:
        charts: of all 24 parts.
        faces: (F, 3) of that body.
    Returns:
        Charts stand upright, none is turned over; mirrored parts lie mirrored about u = 0.5, as on the shipped atlas.
    Raises:
        InvalidInput: the charts are of another number of faces.
    """
    check_shapes(faces=(faces, "F 3"), corner_uv=(charts.corner_uv, "C 3 2"))
    if len(faces) != len(charts.face_part):
        raise InvalidInput(f"The charts are of {len(charts.face_part)} faces, the body has {len(faces)}.")
    low, size = (place[charts.face_part.numpy()][:, None] for place in _places())
    upright = charts.corner_uv.double().numpy() * [1, -1] + [0, 1]  # V grows towards the head, v of an atlas downwards
    corners = (low + size * upright).astype(np.float32).reshape(-1, 2)
    # A texture vertex is a body vertex at a place: copies where charts meet, and where one is cut open.
    owned = np.concatenate([corners, faces.cpu().numpy().reshape(-1, 1)], axis=1)
    unique, index = np.unique(owned, axis=0, return_inverse=True)
    return UvAtlas(
        torch.from_numpy(unique[:, :2].astype(np.float32)),
        torch.from_numpy(index.reshape(-1, 3)),
        torch.from_numpy(unique[:, 2].astype(np.int64)),
        charts.body_hash,
    )


def _places() -> tuple[np.ndarray, np.ndarray]:
    """Corner at small u and v, and size, of the chart of each part: (25, 2) each on a sheet of side 1."""
    low, size = np.zeros((2, PART_COUNT + 1, 2))
    for part, top, height, width in _TORSO:
        low[part], size[part] = ((_SIDE - width) / 2, top), (width, height)
    for top, height, row in _RIGHT:
        left = 0.0
        for part, width in row:
            mirror = MIRROR_PART[part]
            low[part], low[mirror], size[[part, mirror]] = (left, top), (_SIDE - left - width, top), (width, height)
            left += width
    return (low + _MARGIN) / _SIDE, (size - 2 * _MARGIN) / _SIDE
