"""Plan the jobs, run them in warm kernels, harvest, render, publish."""
