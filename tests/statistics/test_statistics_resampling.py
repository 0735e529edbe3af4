import numpy as np
import pytest
from scipy import stats

from memometer.seeds import rng_for
from memometer.statistics import clustered_mean, gap_of
from memometer.statistics.resampling import BLOCK, FEW, REPEATS, resampled_sums


def means(values, *, replicates, name="x", seed=0, share=1.0):
    drawn = max(1, round(share * len(values)))
    return resampled_sums([values], drawn=drawn, replicates=replicates, seed=seed, name=name)[0] / drawn


def plain_means(values, replicates, seed):
    """The bootstrap as textbooks have it: indices are drawn."""
    rng = np.random.default_rng(seed)
    return np.array([values[rng.integers(0, len(values), len(values))].mean() for _ in range(replicates)])


def split_mix(state):
    """SplitMix64 with Python's integers: (next state, 64 bits)."""
    state = (state + 0x9E3779B97F4A7C15) % 2**64
    bits = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB % 2**64
    return state, bits ^ bits >> 31


def test_the_random_bits_are_those_of_split_mix():
    state, drawn = 1234567, []  # the first numbers of the generator's published test vector
    for _ in range(3):
        state, bits = split_mix(state)
        drawn.append(bits)
    assert drawn == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@pytest.mark.parametrize("n", [33, 63, 1000, BLOCK, BLOCK + 5, 3 * BLOCK - 1])
@pytest.mark.parametrize("share", [1.0, 0.1])
def test_sums_equal_those_of_an_obvious_loop(n, share):
    values = np.sort(np.random.default_rng(n).normal(size=n))
    drawn, replicates = max(1, round(share * n)), 5
    shuffled = np.random.default_rng(1).permutation(values)
    sums = resampled_sums([shuffled, 3 * shuffled], drawn=drawn, replicates=replicates, seed=0, name="x")
    sizes = [BLOCK] * (n // BLOCK) + [int(digit) << i for i, digit in enumerate(f"{n % BLOCK:b}"[::-1])][::-1]
    sizes = [size for size in sizes if size]
    rng = rng_for(0, "x")
    counts = rng.multinomial(drawn, np.array(sizes) / n, replicates)
    states = [int(state) for state in rng.integers(0, 2**64, replicates, dtype=np.uint64)]
    for replicate in range(replicates):
        state, total, start = states[replicate], 0.0, 0
        for size, count in zip(sizes, counts[replicate], strict=True):
            for i in range(count):
                if i % 4 == 0:
                    state, bits = split_mix(state)
                total += values[start + (bits >> 16 * (i % 4)) % size]
            start += size
        assert sums[0, replicate] == pytest.approx(total, rel=1e-12, abs=1e-12)
    assert sums[1] == pytest.approx(3 * sums[0])  # the same records for every column


def test_every_record_is_drawn_equally_often():
    n, replicates = 3 * BLOCK // 2 + 3, 400
    columns = [np.arange(n, dtype=float), *((np.arange(n) >> bit & 1).astype(float) for bit in range(12))]
    _, *ones = resampled_sums(columns, drawn=n, replicates=replicates, seed=0, name="bits").sum(axis=1)
    for column, drawn in zip(columns[1:], ones, strict=True):
        chance = column.mean()
        assert abs(drawn - chance * n * replicates) < 4 * (n * replicates * chance * (1 - chance)) ** 0.5
    n = FEW + 11  # blocks of 32, 8, 2 and 1
    counts = resampled_sums([np.arange(n, dtype=float), *np.eye(n)], drawn=n, replicates=20000, seed=0, name="rows")[1:]
    assert stats.chisquare(counts.sum(axis=1)).pvalue > 1e-3
    expected = stats.binom.pmf(np.arange(5), n, 1 / n)  # of one record, as drawing with replacement has it
    seen = np.array([(counts == k).sum() for k in range(5)]) / counts.size
    assert seen == pytest.approx(expected, abs=3e-3)


@pytest.mark.parametrize("n", [40, 333, BLOCK + 500])
def test_means_of_continuous_scores_are_distributed_as_the_plain_bootstrap_s(n):
    values = np.random.default_rng(0).lognormal(0, 1, n)
    drawn = means(values, replicates=4000)
    plain = plain_means(values, 4000, 1)
    assert stats.ks_2samp(drawn, plain).pvalue > 1e-3
    assert drawn.std() == pytest.approx(plain.std(), rel=0.06)
    assert stats.skew(drawn) == pytest.approx(stats.skew(plain), abs=0.2)
    neighbours = np.corrcoef(drawn[:-1], drawn[1:])[0, 1]
    assert abs(neighbours) < 0.06  # replicates do not know one another


@pytest.mark.parametrize(("n", "distinct"), [(40, FEW), (5000, FEW), (128 * 50, 50), (100, 3), (3, 2)])
def test_few_distinct_values_are_drawn_as_counts(n, distinct):
    values = np.arange(n) % distinct / 7
    value, counts = np.unique(values, return_counts=True)
    drawn = rng_for(4, "x/0/bootstrap").multinomial(n, counts / n, 300)
    assert means(values, replicates=300, seed=4, name="x/0/bootstrap").tolist() == (drawn @ value / n).tolist()


def test_records_are_drawn_where_counts_would_cost_more():
    values = np.arange(50 * (FEW + 1)) % (FEW + 1) / 7  # one distinct value too many, each too seldom
    assert values.size < REPEATS * (FEW + 1)
    value, counts = np.unique(values, return_counts=True)
    counted = rng_for(4, "x").multinomial(len(values), counts / len(values), 300) @ value / len(values)
    drawn = means(values, replicates=300, seed=4)
    assert drawn.tolist() != counted.tolist()
    assert drawn.std() == pytest.approx(counted.std(), rel=0.2)


def test_order_of_records_and_swaps_of_continuous_scores():
    values = np.random.default_rng(0).normal(0.1, 1, 3000)
    gap = gap_of([values], seed=3, name="clipmem", replicates=200)
    assert gap == gap_of([values[::-1]], seed=3, name="clipmem", replicates=200)
    assert gap != gap_of([values], seed=4, name="clipmem", replicates=200)
    fewer = means(values, share=0.1, replicates=500, name="tenth")
    assert fewer.std() == pytest.approx(values.std() / 300**0.5, rel=0.12)


def test_clusters_of_many_sizes_are_drawn_whole():
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 9, 4000)
    totals = rng.normal(0.3, 1, 4000) * sizes
    mean = clustered_mean(totals, sizes, seed=0, name="recall")
    assert mean.value == pytest.approx(totals.sum() / sizes.sum())
    residuals = totals - mean.value * sizes  # the delta method's standard error of a ratio
    error = residuals.std() * 4000**0.5 / sizes.sum()
    assert (mean.high - mean.low) / (2 * 1.96) == pytest.approx(error, rel=0.07)
    assert mean == clustered_mean(totals[::-1], sizes[::-1], seed=0, name="recall")
