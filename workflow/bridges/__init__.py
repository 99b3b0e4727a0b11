"""What `bittrue bench bridges` measures: activations.py and histograms.py look at single tensors, studies.py at whole
networks."""
