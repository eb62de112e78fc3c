"""The body's surface as one image: the continuous atlas, transfers to and from it, and the 24 DensePose charts."""

from meshrec.uv.atlas import TexelTable, UvAtlas
from meshrec.uv.charts import PartCharts, atlas_to_charts, charts_to_atlas
from meshrec.uv.parts import MIRROR_PART, PART_COUNT, PART_NAMES
from meshrec.uv.transfer import image_to_uv, map_to_vertices, vertices_to_map

__all__ = [
    "MIRROR_PART",
    "PART_COUNT",
    "PART_NAMES",
    "PartCharts",
    "TexelTable",
    "UvAtlas",
    "atlas_to_charts",
    "charts_to_atlas",
    "image_to_uv",
    "map_to_vertices",
    "vertices_to_map",
]
