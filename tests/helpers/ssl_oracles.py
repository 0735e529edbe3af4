"""The losses of self-supervised training as slow oracles, written from the papers' formulas."""

import numpy as np
import torch


def two_views(n=7, d=5):
    rng = np.random.default_rng(0)
    first = rng.normal(0.3, 1.2, (n, d))
    return first, first + rng.normal(0, 0.5, (n, d))


def tensors(*arrays):
    return [torch.tensor(array, dtype=torch.float64) for array in arrays]


def vicreg_oracle(a, b):
    """VICReg, Equations 1 to 6, with the mean over dimensions in the invariance and over views in the variance."""
    n, d = a.shape

    def variance(z):
        return np.mean([max(0.0, 1 - np.sqrt(np.var(z[:, j], ddof=1) + 1e-4)) for j in range(d)])

    def covariance(z):
        c = sum(np.outer(row - z.mean(0), row - z.mean(0)) for row in z) / (n - 1)
        return sum(c[i, j] ** 2 for i in range(d) for j in range(d) if i != j) / d

    invariance = sum((x - y) @ (x - y) for x, y in zip(a, b, strict=True)) / (n * d)
    return 25 * invariance + 25 * (variance(a) + variance(b)) / 2 + covariance(a) + covariance(b)


def simclr_oracle(a, b, temperature):
    """SimCLR, Equation 1, over both views of every image."""
    z = np.concatenate([a, b])
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    total = 0.0
    for i in range(len(z)):
        partner = (i + len(a)) % len(z)
        others = sum(np.exp(z[i] @ z[k] / temperature) for k in range(len(z)) if k != i)
        total -= np.log(np.exp(z[i] @ z[partner] / temperature) / others)
    return total / len(z)


def barlow_oracle(a, b):
    """Barlow Twins, Equations 1 and 2, on views normalised along the batch (1e-5 is a batch norm's epsilon)."""
    a, b = ((z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5) for z in (a, b))
    loss = 0.0
    for i in range(a.shape[1]):
        for j in range(b.shape[1]):
            c = np.mean(a[:, i] * b[:, j])
            loss += (1 - c) ** 2 if i == j else 0.005 * c**2
    return loss


def dino_oracle(teacher, student, center, temperature=0.04):
    """DINO, Equation 3: the student on each view against the teacher on each other one; the first ones are global."""

    def softmax(row):
        return np.exp(row - row.max()) / np.exp(row - row.max()).sum()

    terms = []
    for t in range(len(teacher)):
        for s in range(len(student)):
            if s == t:
                continue
            for taught, learned in zip(teacher[t], student[s], strict=True):
                terms.append(-softmax((taught - center) / temperature) @ np.log(softmax(learned / 0.1)))
    return np.mean(terms)
