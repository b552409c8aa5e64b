"""Training: batches with labels, a resumable LoRA run, and what it leaves behind.

collate, IGNORE                    samples as a batch; the label of a position that is not trained
train, Run                         LoRA training that a killed process goes on with, and what it returns
start_tracking, log_predictions, finish_tracking      the loss curve and the SwanLab record
"""

from helpers.training.collate import IGNORE, collate
from helpers.training.resume import Run
from helpers.training.tracking import finish_tracking, log_predictions, start_tracking
from helpers.training.trainer import train
