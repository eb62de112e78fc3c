"""Where samples come from: photographs, and synthetic people made on the spot."""
