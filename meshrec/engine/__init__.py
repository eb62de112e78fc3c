"""Training and evaluation: what a step computes, the loop around it, and the measuring stick."""
