"""`make bench`: time and memory of everything that takes time, as ratios that are measured side by side."""
