"""Makes the wardrobe file from packs of MakeHuman assets; run by tools/build_wardrobe.py."""
