"""Data sets drawn by the project itself: formulas, molecules, videos and sounds, seeded and reproducible."""
