"""Training: what a step computes, the loop around it and its log; and measured speeds."""
