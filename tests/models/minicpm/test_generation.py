"""helpers.models.minicpm.generation: greedy decoding and beams, with pictures and sounds encoded once."""

import torch
from minicpm_batch import PICTURES, QUESTIONS, SOUNDS, close, logits


def greedy(model, batch, steps):
    """The likeliest tokens and their logits (B, steps, V), each from a forward pass over everything before it."""
    given, found = dict(batch), []
    for _ in range(steps):
        found.append(logits(model, **given)[:, -1])
        best = found[-1].argmax(dim=-1, keepdim=True)
        given["input_ids"] = torch.cat([given["input_ids"], best], dim=1)
        given["attention_mask"] = torch.cat([given["attention_mask"], torch.ones_like(best)], dim=1)
    return given["input_ids"], torch.stack(found, dim=1)


def test_generate_is_greedy_decoding_without_a_cache(model, batch):
    settings = {"max_new_tokens": 4, "do_sample": False, "eos_token_id": None}
    made = model.generate(**batch, **settings, return_dict_in_generate=True, output_logits=True)
    tokens, scores = greedy(model, batch, 4)
    assert torch.equal(made.sequences, tokens) and close(torch.stack(made.logits, dim=1), scores, 1e-3)


def test_generate_takes_one_dict_and_inputs_beside_input_ids_as_llamafactory_does(model, batch):
    settings = {"max_new_tokens": 4, "do_sample": False, "eos_token_id": None}
    expected = model.generate(**batch, **settings)
    assert torch.equal(model.generate(data=dict(batch), **settings), expected)
    assert torch.equal(model.generate(inputs=batch["input_ids"], spk_bounds=[], **batch, **settings), expected)
    media = {name: batch[name] for name in batch if name not in ("input_ids", "attention_mask")}
    embeds = {"inputs_embeds": model.embed(batch["input_ids"], **media), "attention_mask": batch["attention_mask"]}
    assert torch.equal(model.generate(**embeds, **settings), expected[:, -4:])


def test_pictures_are_looked_at_once_however_long_the_answer(model, batch):
    seen = []
    hook = model.vpm.register_forward_hook(lambda *_: seen.append(1))
    model.generate(**batch, max_new_tokens=4, do_sample=False, eos_token_id=None, num_beams=2)
    hook.remove()
    assert len(seen) == 1


def test_beams_find_a_likelier_answer_than_greedy(model, processor):
    batch = processor(QUESTIONS[:2], PICTURES[:2], SOUNDS[:2])

    def likelihood(beams):
        settings = {"max_new_tokens": 5, "do_sample": False, "eos_token_id": None, "length_penalty": 0.0}
        tokens = model.generate(**batch, num_beams=beams, **settings)
        mask = torch.nn.functional.pad(batch["attention_mask"], (0, 5), value=1)
        scores = logits(model, **{**batch, "input_ids": tokens, "attention_mask": mask}).log_softmax(-1)
        return scores[:, -6:-1].gather(2, tokens[:, -5:, None]).sum(dim=(1, 2))

    assert (likelihood(8) >= likelihood(1) - 1e-4).all()
