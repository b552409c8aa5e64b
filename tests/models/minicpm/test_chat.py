"""helpers.models.minicpm.chat: the same answer alone and in a batch, and the model is left in the mode it was in."""

from minicpm_batch import LARGE, SMALL, SOUND


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
