"""What ``helpers.llamafactory`` starts: LLaMA-Factory in a process of its own, which ends when its parent does.

python -m helpers.llamafactory.child train config.yaml
python -m helpers.llamafactory.child export config.yaml
python -m helpers.llamafactory.child chat config.yaml
python -m helpers.llamafactory.child torchrun --nproc_per_node 2 -m helpers.llamafactory.child train config.yaml
"""

import os
import sys

from helpers.llamafactory import patches
from helpers.parent import end_with, tie_forks

PARENT = "LESSON_PARENT"  # number of the process to end with; without it, as from a terminal, of none


def main():
    """Run what the command line says. One process runs what ``llamafactory-cli`` would, without its launcher."""
    if PARENT in os.environ:
        end_with(int(os.environ[PARENT]))
    verb, *rest = sys.argv[1:]
    if verb == "torchrun":
        from torch.distributed.run import main as torchrun

        os.environ[PARENT] = str(os.getpid())
        torchrun(rest)
        return
    patches.apply()
    tie_forks()
    sys.argv[1:] = rest
    if verb == "chat":
        from llamafactory.chat.chat_model import run_chat as run
    elif verb == "export":
        from llamafactory.train.tuner import export_model as run
    else:
        run = _train
    run()


def _train():
    from llamafactory.train.tuner import run_exp

    from helpers.training.stop_at_nan import StopAtNaN

    run_exp(callbacks=[StopAtNaN()])


if __name__ == "__main__":
    main()
elif __name__ == "__mp_main__":  # a process that reads data, where the system spawns them instead of forking
    patches.apply()
