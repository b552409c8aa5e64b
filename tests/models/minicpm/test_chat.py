"""helpers.models.minicpm.chat: the same answer alone and in a batch, and the model is left in the mode it was in."""

import json

from minicpm_batch import LARGE, SMALL, SOUND

from helpers.models.minicpm.chat import processor_beside


def test_chat_answers_one_conversation_or_a_batch_and_draws_no_lots(model, processor):
    talks = [[{"role": "user", "content": [LARGE, SOUND, "what?"]}], [{"role": "user", "content": "hello"}]]
    answers = model.chat(talks, processor=processor, max_new_tokens=5)
    assert answers == [model.chat(talk, processor=processor, max_new_tokens=5) for talk in talks]
    asked = model.chat([{"role": "user", "content": "what?"}], processor=processor, image=SMALL, max_new_tokens=5)
    assert asked == model.chat([{"role": "user", "content": [SMALL, "what?"]}], processor=processor, max_new_tokens=5)


def test_chat_draws_when_asked_to_and_leaves_the_model_in_training(model, processor):
    talk = [{"role": "user", "content": [SMALL, "what?"]}]
    model.train()
    answers = {model.chat(talk, processor=processor, max_new_tokens=5, sampling=True) for _ in range(6)}
    assert model.training and len(answers) > 1
    model.eval()


def test_processor_comes_from_the_folder_of_the_weights(model, processor, tmp_path):
    from transformers import AutoModelForImageTextToText

    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    again, talk = AutoModelForImageTextToText.from_pretrained(tmp_path), [{"role": "user", "content": [SMALL, "what?"]}]
    assert again.chat(talk, max_new_tokens=5) == model.chat(talk, processor=processor, max_new_tokens=5)


def test_a_processor_is_kept_until_its_files_change(processor, tmp_path):
    processor.save_pretrained(tmp_path)
    first = processor_beside(str(tmp_path))
    assert processor_beside(str(tmp_path)) is first
    file = tmp_path / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | {"model_max_length": 77}), encoding="utf-8")
    assert processor_beside(str(tmp_path)).tokenizer.model_max_length == 77
