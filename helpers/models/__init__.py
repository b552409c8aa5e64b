"""Models: find, check and load one, ask it, put LoRA on it, keep or merge an adapter.

load, load_processor     a family's base, base + adapter, or merged model, and its processor
checkpoint_folder, pixel_limits     the folder of a base, downloaded first if need be; sizes of pictures
add_lora, merge          LoRA on a base; an adapter into its base, as a folder that loads alone
conversation, encode_prompts, image_tokens      what the model sees of a question and a picture
shrunk_size              the size to which the processor shrinks a picture, if it does
PROMPT                   the question that goes with formulas
plan                     the GPU memory that a training run takes, by arithmetic
FAMILIES, public_name    the families there are; a base by the name that others know it by
"""

from helpers.models.families import FAMILIES, public_name
from helpers.models.inputs import PROMPT, conversation, encode_prompts, image_tokens, shrunk_size
from helpers.models.load import checkpoint_folder, load, load_processor, pixel_limits
from helpers.models.lora import add_lora, merge
from helpers.models.plan import plan
