"""Show: samples, answers, scores and errors in a notebook; outside one, their plain text.

grid, before_after, results        samples with their truth; both answers beside it; scores before and after
histograms                         token counts, sizes
benchmark, profile, gpu_profile    what was measured on a GPU; where the time of a training step goes, here and there
worst, confusions, accuracy, reliability      what ``evaluation`` found, drawn
formula_picture                    LaTeX drawn by mathtext
reader, recognise                  your own picture: a widget, and the plain call
"""

from helpers.show.benchmarks import benchmark
from helpers.show.errors import accuracy, confusions, reliability, worst
from helpers.show.kinds import formula_picture
from helpers.show.profiles import gpu_profile, profile
from helpers.show.tables import before_after, grid, histograms, results
from helpers.show.widget import reader, recognise
