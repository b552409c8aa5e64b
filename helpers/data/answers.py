"""What the texts of a whole file show: special tokens in them, answers that only look alike, LaTeX and SMILES."""

from helpers.data.formats import MARKS
from helpers.data.lookalikes import first_difference
from helpers.data.notations import are_molecules, notation_warning
from helpers.data.rows import shown
from helpers.data.texts import KNOWN_TOKENS, same_look, special_tokens_in
from helpers.language import message


def examine_answers(records, special_tokens=None):
    """Add to the faults and warnings of ``records``.

    Args:
        special_tokens: those of the model that will be trained, each a fault in any text; None: nobody knows yet, and
            those of the project's families are warnings.
    """
    for record in records:
        for text in [*record.answers, *map(without_marks, record.prompts), record.system]:
            if special_tokens is None:
                record.warnings += special_token_faults(text, KNOWN_TOKENS, "texts.known_token")
            else:
                record.faults += special_token_faults(text, special_tokens)
    _add_look_alikes(records)
    molecules = are_molecules([answer for record in records for answer in record.answers[:1]][:5000])
    for record in records:
        found = (notation_warning(answer, molecules) for answer in record.answers)
        record.warnings += [warning for warning in found if warning]


def special_token_faults(text, tokens, key="texts.special_token"):
    """[(reason, cure)] if any of ``tokens`` stands in a text."""
    if not (found := special_tokens_in(text, tokens)):
        return []
    return [(message(key, tokens=", ".join(found[:3]), text=shown(text)), message("texts.special_token_cure"))]


def without_marks(text):
    """A prompt without the placeholders for its files."""
    for mark in MARKS.values():
        text = text.replace(mark, "")
    return text


def _add_look_alikes(records):
    """A warning for each answer that looks like an earlier one and is written in other characters."""
    first = {}
    for record in records:
        for answer in record.answers:
            earlier, other = first.setdefault(same_look(answer), (record.row, answer))
            if other != answer:
                facts = {"row": earlier, "codes": first_difference(answer, other)}
                reason = message("texts.look_alike", text=shown(answer), **facts)
                record.warnings.append((reason, message("texts.look_alike_cure")))
