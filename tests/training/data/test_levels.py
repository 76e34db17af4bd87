"""Spectrograms of 8 bits a value are near enough to those of 16."""

import numpy as np

from earmark.training.data.levels import LOUDEST, VALUES, from_bytes, to_bytes


def test_eight_bits_keep_magnitudes_to_a_few_percent() -> None:
    magnitude = np.concatenate([[0.0], np.geomspace(1e-3, LOUDEST, 1000)])
    logarithm = np.log10(1 + magnitude)[:, None].astype(np.float16)
    back = 10 ** from_bytes(to_bytes(logarithm)).astype(np.float64)[:, 0] - 1
    assert back[0] == 0
    assert np.abs(back - magnitude).max() < 0.02 * LOUDEST
    loud = magnitude > 0.2
    np.testing.assert_allclose(back[loud], magnitude[loud], rtol=0.03)
    np.testing.assert_allclose(back, magnitude, atol=0.002, rtol=0.03)


def test_every_byte_comes_back_as_it_was() -> None:
    every = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_bytes(VALUES.astype(np.float16)), every)
    assert np.array_equal(to_bytes(from_bytes(every)), every)


def test_what_lies_beyond_the_scale_is_its_end() -> None:
    beyond = np.array([-1, -0.0, 0, 5, np.inf, np.nan], np.float16)
    assert to_bytes(beyond).tolist() == [0, 0, 0, 255, 255, 0]
