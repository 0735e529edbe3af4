"""What stands in for a second model in image-only déjà vu: Naive Bayes on the objects in a crop, a crop classifier."""
