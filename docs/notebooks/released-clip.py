# %% [markdown]
# # Audit a released CLIP
#
# Somebody released a CLIP model. Does it hold on to single training records, beyond what it learned from all of them
# together? This notebook answers that with **one model**: nobody has to train a second one.
#
# You need three sets of image-caption records, all of one source:
#
# | role | what it is | of a model that was trained on LAION, for example |
# |---|---|---|
# | `seen` | records that the model was trained on | a sample of its list of URLs |
# | `unseen` | records that it was not trained on, otherwise alike: the control | pages newer than the list |
# | `public` | records to search in, of which it saw none either | the same |
#
# and the objects in their images, by people, or by a detector ([label your images](../annotate.md)).

# %%
import tempfile
from pathlib import Path

import altair as alt

import memometer

alt.renderers.enable("svg")  # pictures that need no network
work = Path(tempfile.gettempdir()) / "memometer-released-clip"  # all is kept here: a second run finds it done

# %% [markdown]
# ## The model
#
# This is the line to change. With `None` a small stand-in is trained below, so that the notebook runs anywhere within
# a minute. Every way to name a model is in [Your models](../models.md); `memometer models SPEC` tells its licence and
# preprocessing.

# %%
MODEL = None  # or "hf:openai/clip-vit-base-patch32", or "open_clip:ViT-B-32@laion2b_s34b_b79k"

# %% [markdown]
# ## The records
#
# Built-in scenes: drawn pictures of several objects, whose captions name only some of them, so it is known what is in
# a picture and what its caption leaves out. Records of your own take their place by
#
#     memometer data import my-records.parquet --out my-records/ --role-column came_from
#
# with a column that says of each record whether it is `seen`, `unseen` or `public` ([your data](../data.md)), and
# `records = Path("my-records")` below. Here the roles are dealt out at random, for the stand-in is trained on
# whatever turns out to be `seen`.

# %%
records = work / "records"
memometer.make_scenes(records, n=1000, seed=0)
memometer.split_records(records, {"seen": 300, "unseen": 300, "public": "rest"}, seed=0)

if MODEL is None:
    trained = memometer.train(
        memometer.TrainConfig(
            records=records, role="seen", model="demo", batch_size=32, epochs=30, out=work / "stand-in"
        )
    )
    MODEL = trained.spec
MODEL

# %% [markdown]
# ## The audit
#
# For each record the model is given the caption, and the ten public images nearest to it are found. Their objects are
# what the caption tells through this model. Of interest are the objects that are in the training image and **not in
# the caption**: what names them may be memory, or plain knowledge of what goes with what (a plate, a fork).
#
# Two things take the plain knowledge off:
#
# - the **reference**, here TF-IDF over captions, says what can be told from the words alone;
# - the **control**: the same test on records that the model never saw. A model that is simply better than its
#   reference is better there as well. The *controlled* gap is the gap on `seen` less that on `unseen`.

# %%
audit = memometer.audit_vl_dejavu(
    target=MODEL,
    reference="text:tfidf",
    records=records,
    role="seen",
    control_role="unseen",
    public=records,
    public_role="public",
    k=10,
    out=work / "run",
)
audit

# %% [markdown]
# ## The number
#
# The recall gap (PRG) is the share of records for which the model finds more of the unmentioned objects than the
# reference does, less the share for which it finds fewer.

# %%
seen, unseen = audit.summary.gaps.unmentioned.prg, audit.summary.control.gaps.unmentioned.prg
controlled = audit.summary.controlled.unmentioned.prg
{
    name: (each.value, each.interval, each.n)
    for name, each in {"seen": seen, "unseen": unseen, "controlled": controlled}.items()
}

# %%
if controlled.above_zero:
    answer = f"It memorized: {controlled.value:.0%} more of its training records than the control can explain."
elif controlled.below_zero:
    answer = "Less than the control: seen and unseen records are not alike; look at where they come from."
else:
    answer = f"Nothing is shown. If there is something, it is below {controlled.high:.0%} of the records."
answer

# %% [markdown]
# Read the **controlled** gap and its interval, not the first one: a gap on `seen` alone can be plain quality, and it
# can hide memorization where the reference is strong. An interval that covers 0 proves nothing; its upper end is the
# most that is compatible with the data. With a model that never saw these scenes, as any released one, "nothing is
# shown" is right.

# %% [markdown]
# ## How sure is that, if the labels are wrong?
#
# All of it stands on what objects the images are said to hold. The audit was scored again with labels dropped and
# added at random: a gap that falls steeply leans on the labeller.

# %%
audit.charts["gap_by_label_errors"]

# %% [markdown]
# ## Which records?
#
# One row per record. `recall_unmentioned_…` are what either found; the difference ranks them. A single record's rank
# is weak evidence: look at several, in the report's gallery (`report.html` in the run's folder), before you say of
# one that it was memorized.

# %%
table = audit.samples.to_pandas()
table = table[table.direction == "forward"]
table["gap"] = table.recall_unmentioned_target - table.recall_unmentioned_reference
table.sort_values("gap", ascending=False)[["record_id", "gap"]].head(10)

# %%
report = memometer.write_report(audit, work / "run" / "report.html")
print(report)

# %% [markdown]
# ## Where to go on
#
# - [What the numbers mean, and when they mislead](../measures/vl-dejavu.md)
# - [One model beside two](../studies/one-model.md): how far the one-model test agrees with the test by a second
#   model, on photographs
# - [Log the run](../log.md) to W&B, MLflow or TensorBoard, or [export](../export.md) a section for a model card
