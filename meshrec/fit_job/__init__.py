"""What tools/fit.py does: bodies fitted to the joints of photos, of whole data sets, and of synthetic people."""
