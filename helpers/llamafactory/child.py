"""What ``helpers.llamafactory`` starts: LLaMA-Factory in a process of its own, which ends when its parent does.

python -m helpers.llamafactory.child train config.yaml
python -m helpers.llamafactory.child export config.yaml
python -m helpers.llamafactory.child chat config.yaml
python -m helpers.llamafactory.child torchrun --nproc_per_node 2 -m helpers.llamafactory.child train config.yaml
"""

import ctypes
import signal
import sys

from helpers.llamafactory import media

PR_SET_PDEATHSIG = 1  # from linux/prctl.h


def main():
    """Run what the command line says. One process runs what ``llamafactory-cli`` would, without its launcher."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    verb, *rest = sys.argv[1:]
    if verb == "torchrun":
        from torch.distributed.run import main as torchrun

        torchrun(rest)
        return
    from llamafactory.model import loader
    from llamafactory.train.sft import workflow
    from llamafactory.train.tuner import export_model, run_exp

    workflow.load_model = quick_on_cpu(workflow.load_model)
    loader.register_autoclass = no_code_beside_the_weights
    media.prepare()
    sys.argv[1:] = rest
    if verb == "chat":
        from llamafactory.chat.chat_model import run_chat

        run_chat()
    else:
        run_exp() if verb == "train" else export_model()


def no_code_beside_the_weights(config, model, tokenizer):
    """Instead of LLaMA-Factory's: it marks the classes of a checkpoint that names code of its own, as the official
    MiniCPM ones do, so that their source files are copied beside whatever is saved. Ours belong to this project, and
    transformers' own cannot be copied: saving would fail after the last step.
    """


def quick_on_cpu(load):
    """LLaMA-Factory's loader; without a GPU its vision tower takes all pictures of a batch at once."""
    import torch

    from helpers.attention import batch_vision_attention

    def load_model(*args, **kwargs):
        model = load(*args, **kwargs)
        if not torch.cuda.is_available():
            batch_vision_attention(model)
        return model

    return load_model


if __name__ == "__main__":
    main()
elif __name__ == "__mp_main__":  # a process that reads data, where the system spawns them instead of forking
    media.prepare()
