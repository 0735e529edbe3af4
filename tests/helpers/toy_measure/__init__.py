"""A toy: how much closer a target holds an image and its caption than a reference. What a new measure consists of."""
