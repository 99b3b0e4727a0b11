"""What the calibration methods that look at outputs share: gradients, sampled layers, candidates and their errors."""
