"""What reports say: one file per measure, and for utility, sweeps and comparisons."""
