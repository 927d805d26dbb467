"""`make bench`: time and memory of everything that takes time; alternatives are measured in turns and compared as ratios."""
