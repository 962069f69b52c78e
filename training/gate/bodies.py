"""Pictures of bodies that are not frontal chest X-rays: slices and other bones."""

import numpy as np

from training.gate.canvas import SIDE, Random, finished, random_view
from training.gate.found import pick, slices


def slice_of_body(random: Random, split: str) -> np.ndarray:
    """CT, MR and ultrasound from pydicom-data, and ellipses like the phantom of Shepp and Logan."""
    if random.random() < 0.5:
        picture = random_view(random, pick(random, slices(), split), smallest=0.6)
        return picture ** random.uniform(0.5, 1.5)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    values = np.zeros_like(x)
    width, height = random.uniform(0.5, 0.95, 2)
    body = (x / width) ** 2 + (y / height) ** 2
    values[body < 1] = random.uniform(0.2, 0.6)
    if random.random() < 0.7:  # skull, or skin
        values[(body < 1) & (body > random.uniform(0.75, 0.95))] = random.uniform(0.5, 1)
    for _ in range(int(random.integers(2, 14))):
        a, b = random.uniform(-0.6, 0.6, 2)
        p, q = random.uniform(0.03, 0.4, 2)
        turn = random.uniform(0, np.pi)
        u = (x - a) * np.cos(turn) + (y - b) * np.sin(turn)
        v = (y - b) * np.cos(turn) - (x - a) * np.sin(turn)
        inside = ((u / p) ** 2 + (v / q) ** 2 < 1) & (body < 0.9)
        values[inside] += random.normal(0, 0.2)
    return finished(random, values)


def bones(random: Random, _split: str) -> np.ndarray:
    """Limbs: soft tissue around one to five long bones with heads, and round skulls."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    values = np.zeros_like(x)
    if random.random() < 0.15:
        body = (x / random.uniform(0.5, 0.8)) ** 2 + (y / random.uniform(0.6, 0.95)) ** 2
        values += 0.4 * np.clip(1 - body, 0, 1) ** 0.3 + 0.4 * ((body < 1) & (body > 0.85))
        for _ in range(6):
            values += random.normal(0, 0.15) * np.exp(
                -((x - random.normal(0, 0.3)) ** 2 + (y - random.normal(0.2, 0.3)) ** 2) / 0.03
            )
        return finished(random, values)
    limbs = int(random.integers(1, 6))
    turn = random.normal(0, 0.15) + (np.pi / 2 if random.random() < 0.15 else 0)
    x, y = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    for limb in range(limbs):
        middle = (limb + 0.5) / limbs * 1.8 - 0.9 if limbs > 1 else random.normal(0, 0.2)
        lean = random.normal(0, 0.1) + (limb - limbs / 2 + 0.5) * random.uniform(0, 0.25)
        u = x - middle - lean * y
        flesh = random.uniform(0.35, 0.9) / limbs * (1 + random.normal(0, 0.2) * y)
        values = np.maximum(values, 0.45 * np.clip(1 - (u / np.abs(flesh)) ** 2, 0, None) ** 0.5)
        for side in (-1, 1) if random.random() < 0.4 else (0,):
            values += _bone(random, u - side * flesh * 0.4, y, flesh * random.uniform(0.15, 0.45))
    return finished(random, values)


def _bone(random: Random, u: np.ndarray, y: np.ndarray, radius: np.ndarray) -> np.ndarray:
    joint = random.uniform(-0.8, 0.8)
    thick = np.abs(radius) * (1 + random.uniform(0.3, 1) * np.exp(-(((y - joint) / 0.2) ** 2)))
    inside = np.clip(1 - (u / thick) ** 2, 0, None)
    shaft = np.sqrt(inside) - random.uniform(0.2, 0.7) * np.sqrt(np.clip(inside - 0.4, 0, None))
    return random.uniform(0.3, 0.7) * shaft * (np.abs(y - joint) > random.uniform(0.005, 0.03))
