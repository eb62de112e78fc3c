"""Building an atlas and part charts from a body mesh: run once by ``tools/build_uv_atlas.py``, never at inference."""
