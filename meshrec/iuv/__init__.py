"""DensePose-style correspondence of whole photos: who is where, and which point of the body each pixel shows."""
