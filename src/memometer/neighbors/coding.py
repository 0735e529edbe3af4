"""Vectors as whole numbers of 8 bits, each with a scale of its own, and how far off that is."""

import numpy as np
import numpy.typing as npt

from memometer.compiling import compiled

__all__ = ["quantise"]

LANES = 64  # partial sums of squared residuals
MARGIN = 2.0**-22  # more than a rounding to float32 can move a number, as a part of it
ROUNDER = np.float32(1.5 * 2**23)  # added to a small float32 and taken off again, it leaves the nearest whole number
TINY = np.float32(2.0**-100)
TINIEST = 2.0**-126

Single = npt.NDArray[np.float32]


@compiled()
def quantise(vectors: Single, codes: npt.NDArray[np.int8], scales: Single, residuals: Single) -> None:
    """Writes each row as codes (m, d) of -127 to 127 times a scale (m,), and how far off that is at most (m,).

    A row without a component above ``TINY`` has codes of 0.
    """
    bits = vectors.view(np.int32)
    lanes = np.empty(LANES)
    dim = vectors.shape[1]
    whole = dim - dim % LANES
    for row in range(len(vectors)):
        magnitude = np.int32(0)  # floats without their sign rank as integers do, and those are compared faster
        for column in range(dim):
            magnitude = max(magnitude, bits[row, column] & np.int32(0x7FFFFFFF))
        largest = np.array([magnitude], np.int32).view(np.float32)[0]
        usable = largest > TINY
        scales[row] = largest / np.float32(127) if usable else np.float32(0)
        inverse = np.float32(127) / largest if usable else np.float32(0)
        scale = np.float64(scales[row])
        lanes[:] = 0.0
        for start in range(0, whole, LANES):
            some = vectors[row, start : start + LANES]
            out = codes[row, start : start + LANES]
            for lane in range(LANES):
                code = (some[lane] * inverse + ROUNDER) - ROUNDER
                out[lane] = np.int8(code)
                off = np.float64(some[lane]) - np.float64(code) * scale
                lanes[lane] += off * off
        for lane in range(dim - whole):
            code = (vectors[row, whole + lane] * inverse + ROUNDER) - ROUNDER
            codes[row, whole + lane] = np.int8(code)
            off = np.float64(vectors[row, whole + lane]) - np.float64(code) * scale
            lanes[lane] += off * off
        residuals[row] = np.float32(np.sqrt(lanes.sum()) * (1 + MARGIN) + TINIEST)
