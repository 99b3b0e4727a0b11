"""Studies over designs: sweep files, points, workers, results. Stands above workflow."""
