"""Makes labelled clips of heads, to tune and test the head-shake stage."""
