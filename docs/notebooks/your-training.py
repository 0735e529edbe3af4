# %% [markdown]
# # Audit your own training
#
# You train a CLIP-like model and want to know what it holds on to. As the training is yours, you can afford the best
# test there is: **a second model**, trained alike on other records of the same source. Where the first finds more
# than the second on the first's own records, and the second more than the first on its own, that is memory and not
# quality.
#
# The notebook trains both at a small size, audits them, and reads the result: one minute on a laptop.

# %%
import tempfile
from pathlib import Path

import altair as alt

import memometer

alt.renderers.enable("svg")  # pictures that need no network
work = Path(tempfile.gettempdir()) / "memometer-your-training"  # all is kept here: a second run finds it done

# %% [markdown]
# ## Records, dealt out at random
#
# Roles: `a` trains the first model, `b` the second, `held_1` and `held_2` train neither, and `public` is searched in.
# `split_records` keeps near duplicates together: a picture in `a` with a twin in `b` would hide memory, for then both
# have seen it.
#
# With your own data, `memometer.import_records("shards/*.tar", out=records)` takes the place of `make_scenes`; see
# [your data](../data.md). If nobody has labelled its images, [a detector can](../annotate.md).

# %%
records = work / "records"
memometer.make_scenes(records, n=1300, seed=0)
memometer.split_records(records, {"a": 300, "b": 300, "held_1": 150, "held_2": 150, "public": "rest"}, seed=0)

# %% [markdown]
# ## Two trainings that differ in their records alone
#
# `checkpoint_epochs` keeps copies on the way, to see how memory grows. A model trained elsewhere goes in by its name:
# `open_clip:ViT-B-32@epoch_32.pt`.

# %%
models = {}
for role in ("a", "b"):
    models[role] = memometer.train(
        memometer.TrainConfig(
            records=records,
            role=role,
            model="demo",
            batch_size=32,
            epochs=20,
            checkpoint_epochs=(5, 10),
            out=work / role,
        )
    )
{role: model.spec for role, model in models.items()}

# %% [markdown]
# ## The audit, both ways
#
# `role` and `reference_role` make it run both ways: first the records of `a`, with `a` as the target and `b` as the
# reference; then those of `b`, the other way round. The **balanced** gap is the mean of the two.

# %%
whole = {"records": records, "public": records, "public_role": "public", "k": 10}
audit = memometer.audit_vl_dejavu(
    target=models["a"].spec,
    reference=models["b"].spec,
    role="a",
    reference_role="b",
    out=work / "audit",
    **whole,
)
audit

# %% [markdown]
# ## The same where nobody can remember
#
# The control: the same two models, on records that neither of them saw.

# %%
control = memometer.audit_vl_dejavu(
    target=models["a"].spec,
    reference=models["b"].spec,
    role="held_1",
    reference_role="held_2",
    out=work / "control",
    **whole,
)

# %% [markdown]
# ## Reading it
#
# **PRG over unmentioned objects** is the headline: the share of records for which the model that was trained on them
# finds more of the objects that the caption leaves out, less the share for which it finds fewer.

# %%
numbers = {
    "one way, a's records": audit.summary.gaps,
    "one way, b's records": audit.summary.backward.gaps,
    "balanced": audit.summary.balanced,
    "control, one way": control.summary.gaps,
    "control, balanced": control.summary.balanced,
}
for name, gaps in numbers.items():
    prg = gaps.unmentioned.prg
    print(f"{name:<21} {prg.value:+.3f}, 95 % interval {prg.low:+.3f} to {prg.high:+.3f}, n = {prg.n:,}")

# %% [markdown]
# - Compare the two ways first. Where they differ, one of the models is the better one, on whatever records, and a
#   one-way gap mixes that with memory: the control's one-way gap shows it without any memory.
# - The **balanced** gap is 0 for models that differ in quality alone. If its interval leaves out 0, the models
#   remember, and how much is the number itself: +0.20 says that for 20 more records in 100 a model finds more than
#   one that never saw them.
# - The balanced control should hold 0 (in 95 of 100 audits it does). If yours does not, find out why before you
#   believe the first number: roles of unlike sources, duplicates across roles
#   (`audit.summary.duplicates_across_roles`), a second model that was trained otherwise.
#
# The distributions show where it comes from: the target recovers all of a record's unmentioned objects more often.

# %%
audit.charts["recall_distributions"]

# %% [markdown]
# Which objects leak, and how the gap depends on k, the number of neighbours:

# %%
audit.charts["leaking_objects"]

# %%
audit.charts["gap_by_k"]

# %% [markdown]
# ## How it grows
#
# The copies of epochs 5 and 10 are audited alike. Memory comes with the epochs; so does quality, which is why each
# number is balanced.

# %%
grown = [
    {
        "epochs": epoch,
        **memometer.audit_vl_dejavu(
            target=models["a"].at_epoch(epoch).spec,
            reference=models["b"].at_epoch(epoch).spec,
            out=work / f"audit-{epoch}",
            role="a",
            reference_role="b",
            **whole,
        ).summary.balanced.unmentioned.prg.as_dict(),
    }
    for epoch in (5, 10)
]
grown.append({"epochs": 20, **audit.summary.balanced.unmentioned.prg.as_dict()})
base = alt.Chart(alt.Data(values=grown)).encode(x=alt.X("epochs:Q", scale=alt.Scale(domain=[0, 22])))
band = base.mark_errorbar().encode(y=alt.Y("low:Q", title="balanced PRG, unmentioned objects"), y2="high:Q")
band + base.mark_point(filled=True, size=60).encode(y="value:Q")

# %% [markdown]
# ## The records
#
# `audit.samples` has a row per record and direction. The report has a gallery of the most memorized ones, with the
# pictures that either model found.

# %%
table = audit.samples.to_pandas()
table["gap"] = table.recall_unmentioned_target - table.recall_unmentioned_reference
table[table.direction == "forward"].sort_values("gap", ascending=False)[
    ["record_id", "recall_unmentioned_target", "recall_unmentioned_reference", "gap"]
].head(5)

# %%
report = memometer.write_report(audit, work / "audit" / "report.html")
print(report)

# %% [markdown]
# ## Where to go on
#
# - [Training that memorizes less](../mitigations/index.md), and [sweeps](../sweep.md) that weigh it against utility
# - [The same on photographs](../studies/flickr8k.md)
# - [Find wrong captions](wrong-captions.py): what else the two models can tell
