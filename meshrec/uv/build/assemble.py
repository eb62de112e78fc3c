"""From a body to its atlas and charts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from meshrec.uv.atlas import UvAtlas
from meshrec.uv.build.chart_layout import lay_out_charts
from meshrec.uv.build.layout import LayoutOptions, lay_out
from meshrec.uv.build.parts import front_faces, label_parts
from meshrec.uv.build.seam_tree import cut_open, seam_edges
from meshrec.uv.build.template import TemplateMesh
from meshrec.uv.charts import PartCharts


@dataclass(frozen=True)
class SurfaceMaps:
    """What the tool writes for a body."""

    atlas: UvAtlas
    charts: PartCharts


def build_surface_maps(mesh: TemplateMesh, options: LayoutOptions | None = None) -> SurfaceMaps:
    """Cut, flatten and divide a body.

    Raises:
        InvalidInput: the body is not in a T-pose, not symmetric or not a closed surface without holes.
        MissingDependency: libigl is not installed.
    """
    faces, old_vertex = cut_open(mesh.faces, seam_edges(mesh))
    texcoords = lay_out(mesh, faces, old_vertex, options or LayoutOptions())
    atlas = UvAtlas(
        torch.from_numpy(texcoords.astype(np.float32)),
        torch.from_numpy(faces.astype(np.int64)),
        torch.from_numpy(old_vertex),
        mesh.hash,
    )
    return SurfaceMaps(atlas, build_charts(mesh, atlas))


def build_charts(mesh: TemplateMesh, atlas: UvAtlas) -> PartCharts:
    """The 24 charts of a body whose atlas is known."""
    faces = atlas.texture_faces.numpy()
    part = label_parts(mesh, faces)
    corners = lay_out_charts(mesh, faces, part)
    return PartCharts(
        torch.from_numpy(part),
        torch.from_numpy(corners.astype(np.float32)),
        torch.from_numpy(front_faces(mesh)),
        mesh.hash,
    )
