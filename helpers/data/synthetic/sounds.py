"""Short sounds with names, made up by the project itself: tones, tones that rise or fall, noise, and counted beeps.

Each is a WAV of one channel at 16 kHz, 16 bits. The same seed always gives the same samples. Pitch, length, loudness
and a little hiss are drawn at random, so no two sounds are alike, and a name says what they have in common.
"""

import sys
import wave
from functools import partial

import numpy as np

from helpers.data import media
from helpers.data.media import RATE
from helpers.data.synthetic import held_out, render

NAMES = ("a steady tone", "a rising tone", "a falling tone", "noise", "1 beep", "2 beeps", "3 beeps", "4 beeps")
SOUND_PROMPT = "Transcribe this sound."
# What the tiny MiniCPM-o was taught to write about such sounds: not their names, but a word for each event.
WORDS = ("tone", "rise", "fall", "noise", "beep", "beep beep", "beep beep beep", "beep beep beep beep")
TRANSCRIPTS = dict(zip(NAMES, WORDS, strict=True))


def render_sounds(folder, count, seed, part="train"):
    """Make a data set of sounds: ``folder/data.jsonl`` and ``folder/sounds/*.wav``; a finished one is used again.

    All ``NAMES`` come equally often. Train and test are drawn from different random numbers.

    Returns:
        list of ``Sample`` of modality audio, whose ``text`` is the name of the sound.

    Raises:
        ValueError: unknown part. FileExistsError: the folder holds something else.
    """
    held_out.check_choice("part", part, held_out.PARTS)
    recipe, draw = {"count": count, "seed": seed, "part": part}, partial(_write_sample, seed=seed, part=part)
    modules = (sys.modules[__name__], media, held_out)
    return render.make_set(folder, "sounds/{:05d}.wav", "audio", recipe, modules, draw)


def _write_sample(path, number, seed, part):
    samples, name = draw_sample(number, seed, part)
    write_wav(samples, path)
    return name


def draw_sample(index, seed, part="train"):
    """Sample ``index`` of a set: (samples, name); samples is float32 (about 16,000,) in -1..1."""
    rng = np.random.default_rng((seed, index, held_out.PARTS.index(part)))
    name = NAMES[index % len(NAMES)]
    return synthesize(name, rng), name


def synthesize(name, rng):
    """The sound that ``name`` stands for, more or less loud, with a little hiss: float32 (16000,) in -1..1."""
    made = sound(name, rng) * rng.uniform(0.2, 0.9) + rng.normal(0, 0.003, RATE)
    return made.clip(-1, 1).astype(np.float32)


def sound(name, rng):
    """One second of the sound that ``name`` (of ``NAMES``) stands for, at full loudness: (16000,) in -1..1."""
    low, high = rng.uniform(250, 900), rng.uniform(1200, 3000)
    if name == "noise":
        return np.clip(rng.normal(0, 0.35, RATE), -1, 1) * fade(RATE)
    if name.endswith("tone"):
        ends = {"a steady tone": (low, low), "a rising tone": (low, high), "a falling tone": (high, low)}[name]
        return tone(np.linspace(*ends, RATE))
    count, length = int(name.split()[0]), int(rng.uniform(0.08, 0.12) * RATE)
    made, room = np.zeros(RATE), RATE // 4
    shift = rng.integers(0, room * (5 - count) - length)
    for beep in range(count):
        start = shift + beep * room
        made[start : start + length] = tone(np.full(length, high))
    return made


def tone(pitch):
    """A sine of the given pitch in Hz at each sample, softly begun and ended."""
    return np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * fade(len(pitch))


def fade(count):
    """Loudness 0..1 of ``count`` samples: 10 ms up, 10 ms down, so that nothing clicks."""
    return np.minimum(1, np.minimum(np.arange(count), np.arange(count)[::-1]) / (RATE // 100))


def write_wav(samples, path, rate=RATE):
    """Write (samples,) or (samples, channels) in -1..1 as a WAV of 16 bits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).round().astype("<i2").tobytes())
