"""Parallel kernels leave torch's number of threads alone, so that a training after an audit is as one before it."""

import numpy as np
import torch

from memometer.measures.image_dejavu.kernels import count_votes


def test_a_kernel_leaves_the_number_of_threads():
    before = torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            ranked, sums = np.full((2, 1), -1, np.int32), np.zeros(2)
            weights = np.zeros(3)
            count_votes(np.array([[0, 1], [1, 0]]), np.array([0, 0]), weights, 1, ranked, sums)
            assert torch.get_num_threads() == threads
            assert ranked.tolist() == [[0], [0]]
    finally:
        torch.set_num_threads(before)
