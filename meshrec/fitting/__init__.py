"""Bodies fitted to evidence: to joints in images, to meshes."""
