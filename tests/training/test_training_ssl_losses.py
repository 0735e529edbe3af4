"""The losses of self-supervised training against slow oracles, written from the papers' formulas."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import warm_processes
from ssl_oracles import barlow_oracle, dino_oracle, simclr_oracle, tensors, two_views, vicreg_oracle

from memometer.training.ssl.dino import Prototypes, entropies
from memometer.training.ssl.losses import barlow_loss, dino_loss, simclr_loss, vicreg_loss
from memometer.training.ssl.objective import spread


@pytest.mark.parametrize(
    ("loss", "oracle", "options"),
    [
        (vicreg_loss, vicreg_oracle, {}),
        (barlow_loss, barlow_oracle, {}),
        *[(simclr_loss, simclr_oracle, {"temperature": temperature}) for temperature in (0.1, 0.5)],
    ],
)
def test_losses_are_the_papers(loss, oracle, options):
    a, b = two_views()
    assert loss(**options)(*tensors(a, b)).item() == pytest.approx(oracle(a, b, **options), rel=1e-6)


@pytest.mark.parametrize("local", [0, 1, 5])
def test_dino_is_the_papers_and_its_center_follows_the_teacher(local):
    rng = np.random.default_rng(1)
    teacher, student = np.stack(two_views()) * 0.1, rng.normal(0, 0.1, (2 + local, 7, 5))
    criterion, center = dino_loss(prototypes=5), np.zeros(5)
    for temperature in (0.04, 0.055, 0.07):
        found = criterion(tensors(*teacher), tensors(*student), teacher_temp=temperature).item()
        assert found == pytest.approx(dino_oracle(teacher, student, center, temperature), rel=1e-5)
        center = 0.9 * center + 0.1 * teacher.mean((0, 1))
    np.testing.assert_allclose(criterion.center.numpy().ravel(), center, rtol=1e-5)


def test_entropies_tell_both_collapses():
    everywhere, one = torch.zeros(6, 8), torch.tensor([[50.0, 0, 0]]).repeat(6, 1)
    assert [each.item() for each in entropies(everywhere)] == pytest.approx([np.log(8)] * 2)
    assert [each.item() for each in entropies(one)] == pytest.approx([0, 0], abs=1e-6)
    rows = np.random.default_rng(0).normal(0, 2, (6, 8))
    shares = [np.exp(row) / np.exp(row).sum() for row in rows]
    expected = [np.mean([-(row @ np.log(row)) for row in shares]), -(np.mean(shares, 0) @ np.log(np.mean(shares, 0)))]
    assert [each.item() for each in entropies(torch.tensor(rows))] == pytest.approx(expected)


def test_spread_tells_a_collapse():
    one = torch.tensor([[1.0, 2.0]]).repeat(8, 1)
    assert spread(one) == pytest.approx(0, abs=1e-6)
    assert spread(torch.cat([one, -one])) == pytest.approx(1)


def test_prototypes_are_cosines():
    prototypes = Prototypes(4, 3)
    z = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    weight = prototypes.weight.detach().numpy()
    expected = [[row @ w / np.linalg.norm(row) / np.linalg.norm(w) for w in weight] for row in z]
    np.testing.assert_allclose(prototypes(torch.tensor(z)).detach().numpy(), expected, rtol=1e-5)


def shared_losses(views, out):
    """Losses and gradients of views that two processes share, to a file."""
    torch.distributed.init_process_group("gloo")
    rank = torch.distributed.get_rank()
    found = {}
    for name, loss in (("vicreg", vicreg_loss()), ("simclr", simclr_loss(temperature=0.5))):
        own = views.chunk(2, dim=1)[rank].clone().requires_grad_()
        value = loss(*own)
        value.backward()
        shares = [torch.zeros_like(own) for _ in range(2)]
        torch.distributed.all_gather(shares, own.grad)
        mean = value.detach().clone()
        torch.distributed.all_reduce(mean)
        # data parallelism halves the gradients
        found[name] = {"loss": mean.item() / 2, "gradient": (torch.cat(shares, dim=1) / 2).tolist()}
    if rank == 0:
        Path(out).write_text(json.dumps(found))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def test_the_loss_of_two_processes_is_that_of_the_whole_batch(tmp_path):
    views = torch.tensor(np.stack(two_views(n=8)))
    codes = warm_processes.together(2, shared_losses, views, tmp_path / "found.json", logs=tmp_path)
    assert codes == [0, 0], (tmp_path / "0.log").read_text()
    shared = json.loads((tmp_path / "found.json").read_text())
    for name, loss in (("vicreg", vicreg_loss()), ("simclr", simclr_loss(temperature=0.5))):
        whole = views.clone().requires_grad_()
        value = loss(*whole)
        value.backward()
        assert shared[name]["loss"] == pytest.approx(value.item(), rel=1e-6)
        np.testing.assert_allclose(shared[name]["gradient"], whole.grad.numpy(), rtol=1e-5, atol=1e-9)
