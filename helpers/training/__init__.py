"""Training: batches with labels, a resumable LoRA run, and what it leaves behind.

collate, IGNORE                    samples as a batch; the label of a position that is not trained
train, Run                         LoRA training that a killed process goes on with, and what it returns
pack, CapturedStep                 a batch as one row without padding; the step that computes it
PLAIN, WAYS                        the ways to train that ``train`` chooses from, each with its predicted seconds
start_tracking, log_predictions, finish_tracking      the loss curve and the SwanLab record
"""

from helpers.training.captured import CapturedStep
from helpers.training.collate import IGNORE, collate
from helpers.training.packing import pack
from helpers.training.resume import Run
from helpers.training.tracking import finish_tracking, log_predictions, start_tracking
from helpers.training.trainer import train
from helpers.training.ways import PLAIN, WAYS
