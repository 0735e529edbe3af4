# %% [markdown]
# # Find wrong captions
#
# A wrong caption cannot be learned, only memorized: nothing else in the data leads from the picture to these words.
# So what a model memorized most is one place to look for mistakes in its data. This notebook plants wrong captions,
# ranks the records in three ways, and counts **how many of the records at the top really are wrong**, beside what
# chance would give.
#
# Three rankings, none of which knows what was planted:
#
# | ranking | first come | what it needs |
# |---|---|---|
# | **CLIPMem** | pairs that the model aligns far better than a model that was not trained on them | two models |
# | **misfit** | pairs that a model *not* trained on them aligns worst | a model that is good enough to judge |
# | **similarity** | pairs of low cosine under the model trained on them: the usual filter | one model |

# %%
import tempfile
from pathlib import Path

import altair as alt
import pandas as pd

import memometer

alt.renderers.enable("svg")  # pictures that need no network
work = Path(tempfile.gettempdir()) / "memometer-wrong-captions"  # all is kept here: a second run finds it done

# %% [markdown]
# ## Records, some with a wrong caption
#
# Eight in a hundred built-in scenes get the captions of another scene. `planted.parquet` lists them: the truth, which
# is used at the very end. For your own data leave `miscaptioned` out, and use `memometer.import_records`.

# %%
records = work / "records"
memometer.make_scenes(records, n=1500, seed=0, miscaptioned=0.08)
memometer.split_records(records, {"a": 500, "b": 500, "held": "rest"}, seed=0)

# %% [markdown]
# ## Two models
#
# Trained alike, on `a` and on `b`; neither on `held`. To judge `b` as well, swap the roles: then every record was
# scored by a model that had it, beside one that had not.

# %%
models = {
    role: memometer.train(
        memometer.TrainConfig(
            records=records, role=role, model="demo", batch_size=32, epochs=20, lr=2e-3, out=work / role
        )
    ).spec
    for role in ("a", "b")
}

# %% [markdown]
# ## The audit
#
# CLIPMem of a pair is its alignment (cosine, less the cosine with others' captions and pictures) under the model that
# was trained on it, less that under the one that was not.

# %%
audit = memometer.audit_clipmem(
    targets=models["a"],
    references=models["b"],
    records=records,
    candidates="a",
    independent="b",
    external="held",
    out=work / "run",
)
audit

# %% [markdown]
# ## Three rankings
#
# `audit.samples` has the alignments of each record under either model, and its similarity.

# %%
table = audit.samples.to_pandas()
table = table[table.subset == "candidates"].set_index("record_id")
rankings = {
    "CLIPMem": -table.clipmem,
    "misfit": table.align_reference,
    "similarity": table.similarity_target,
}

# %% [markdown]
# ## How many of the top are wrong captions?
#
# This is the count that matters to whoever has to look at the records one after another.

# %%
wrong = set(pd.read_parquet(records / "planted.parquet").record_id)
rows = []
for name, score in rankings.items():
    hits = score.sort_values().index.isin(wrong).cumsum()
    rows += [{"ranking": name, "looked at": top, "wrong": int(hits[top - 1])} for top in range(5, 105, 5)]
found = pd.DataFrame(rows)
n_wrong = int(table.index.isin(wrong).sum())
found["chance"] = found["looked at"] * n_wrong / len(table)
found[found["looked at"].isin([25, 50, 100])].pivot_table(index="looked at", columns="ranking", values="wrong").assign(
    chance=lambda each: each.index * n_wrong / len(table)
).round(1)

# %%
lines = (
    alt.Chart(found)
    .mark_line()
    .encode(x="looked at:Q", y=alt.Y("wrong:Q", title=f"of the {n_wrong} wrong captions"), color="ranking:N")
)
lines + alt.Chart(found).mark_line(strokeDash=[4, 4], color="gray").encode(x="looked at:Q", y="chance:Q")

# %% [markdown]
# The dashed line is chance: the records in any order. As a single number, the audit gives the area under the ROC
# curve, that is the probability that a wrong caption stands above a right one, with its interval:

# %%
pd.DataFrame([found_by.as_dict() for found_by in audit.summary.planted])[["by", "area", "low", "high", "n_positive"]]

# %% [markdown]
# ## What to make of it
#
# - **Most of the top is not wrong.** At this size a ranking beats chance two or three times over, which saves work;
#   it does not replace looking. Memorized is what is rare, and rare can be right: an odd scene with its true caption
#   is memorized too.
# - **A model of few epochs does not memorize, and one of too little data does not know** what fits. CLIPMem needs the
#   first, misfit the second. Several trainings (`targets=[…]`) average the chance of a single one out.
# - Similarity under the model itself looks for what the model has *not* learned. Here it is at chance: by now the
#   model has memorized the wrong captions too.
# - What an audit finds can be left out of the next training: `memometer remove --scores RUN --most 50 --out
#   ids.parquet`, then `memometer train --without ids.parquet`. [The study](../studies/removal.md) says what that does
#   to a model.
#
# The pictures are the quickest way to judge. The report shows the most memorized pairs with their captions:

# %%
report = memometer.write_report(audit, work / "run" / "report.html")
print(report)

# %% [markdown]
# More: [CLIPMem](../measures/clipmem.md), its formula, tests and limits.
