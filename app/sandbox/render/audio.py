"""Speech-like sound: syllables of a voice that says nothing, as long as the text would take to read."""

import array
import math
import random
import wave
from fractions import Fraction
from pathlib import Path

from app.sandbox.plan import Plan
from app.sandbox.render.ffmpeg import run

MIMES = {"wav": "audio/wav", "mp3": "audio/mpeg"}
RATE = 24_000
#: Two resonances each, in hertz: roughly a, e, i, o, u.
VOWELS = ((730, 1090), (530, 1840), (270, 2290), (570, 840), (300, 870))


def render(plan: Plan, path: Path) -> Fraction:
    """Write the sound and say how long it is."""
    samples = _speech(plan)
    target = path if plan.format == "wav" else path.with_suffix(".wav")
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    if target != path:
        run("-i", str(target), "-codec:a", "libmp3lame", "-b:a", "64k", "-compression_level", "9", str(path))
        target.unlink()
    return Fraction(len(samples), RATE)


def _speech(plan: Plan) -> "array.array[int]":
    """Syllables are made once and strung together, so that a long text costs no more than a short one."""
    dice = random.Random(f"voice {plan.seed} {plan.prompt}")
    pitch = dice.uniform(95, 210)
    syllables = [_syllable(pitch * dice.uniform(0.85, 1.2), vowel, dice.uniform(0.11, 0.2)) for vowel in VOWELS * 2]
    wanted = round(plan.seconds * RATE)
    sound: array.array[int] = array.array("h")
    while len(sound) < wanted:
        for _ in range(dice.randint(1, 4)):
            sound.extend(dice.choice(syllables))
        sound.extend(array.array("h", bytes(2 * int(RATE * dice.choice((0.04, 0.05, 0.22))))))
    return sound[:wanted]


def _syllable(pitch: float, vowel: tuple[int, int], seconds: float) -> "array.array[int]":
    length = int(RATE * seconds)
    partials = [(number, _loudness(number * pitch, vowel)) for number in range(1, 24)]
    samples = array.array("h")
    for index in range(length):
        at = index / RATE
        bend = pitch * (1.04 - 0.09 * index / length)
        envelope = math.sin(math.pi * index / length) ** 0.6
        level = sum(loud * math.sin(2 * math.pi * bend * number * at) for number, loud in partials)
        samples.append(int(max(-1.0, min(1.0, 0.16 * envelope * level)) * 28_000))
    return samples


def _loudness(frequency: float, vowel: tuple[int, int]) -> float:
    near = max(
        math.exp(-(((frequency - peak) / 180) ** 2)) * weight for peak, weight in zip(vowel, (1.0, 0.6), strict=True)
    )
    return 0.05 + near
