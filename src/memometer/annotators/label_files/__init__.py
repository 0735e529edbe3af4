"""Labels that are there already: files of other tools → one table of labels → labelled records."""
