"""The surface that everything speaks of: a body with the atlas and the charts that belong to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from meshrec.body import BodyModel
from meshrec.errors import CheckpointMismatch
from meshrec.structures import BodyParams
from meshrec.uv import PartCharts, UvAtlas
from meshrec.uv.packed_charts import pack_charts
from meshrec.uv.transfer import vertices_to_map

MANY_CHARTS = "charts"  # in place of an atlas' file


@dataclass(frozen=True)
class Surface:
    """A body with the atlas and charts that belong to it.

    Attributes:
        atlas: that nets speak through.
        paint_atlas: that made-up people are painted in, if it is another one: skins and clothes know the shipped one.
    """

    body: BodyModel
    atlas: UvAtlas
    charts: PartCharts
    paint_atlas: UvAtlas | None = None

    @classmethod
    def load(cls, body: str | Path | None = None, atlas: str | Path | None = None) -> Surface:
        """The shipped ones by default.

        Args:
            atlas: a file of ``tools/build_uv_atlas.py``, or ``charts`` for the 24 charts side by side.
        Raises:
            CheckpointMismatch: the atlas was built for another body.
        """
        model, charts, shipped = BodyModel.from_file(body), PartCharts.from_file(), UvAtlas.from_file()
        if not atlas:
            chosen = shipped
        else:
            chosen = pack_charts(charts, model.faces) if str(atlas) == MANY_CHARTS else UvAtlas.from_file(atlas)
        if chosen.body_hash not in (None, model.hash):
            raise CheckpointMismatch(
                f"The atlas belongs to body {chosen.body_hash}, but body {model.hash} was given; "
                "build one for that body with tools/build_uv_atlas.py."
            )
        return cls(model, chosen, charts, shipped if shipped.body_hash == model.hash else None)

    def reference_map(self, resolution: int) -> torch.Tensor:
        """(3, R, R) location map of the rest body that faces the camera."""
        rest = self.body(BodyParams.rest(betas=self.body.beta_count, facing_camera=True))
        return vertices_to_map(rest.vertices, self.atlas.texels(resolution))[0]
