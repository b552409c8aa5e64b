"""How the tiny models in ``data/`` were made. Lessons do not need it; `python -m helpers.pretraining.train --help`."""
