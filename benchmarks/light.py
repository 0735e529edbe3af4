"""An encoder that does next to nothing, in a module of its own: other processes import it."""

import numpy as np


class Light:
    """Decodes and resizes as CLIP does, and encodes next to nothing."""

    identity = spec = "light"

    def __init__(self, preprocess):
        self.preprocess = preprocess

    def encode_images(self, pixels):
        return np.asarray(pixels, np.float32).reshape(len(pixels), -1)[:, 1000:1064] + 1
