"""Charts of a VL-Déjà-Vu audit: each takes an `Audit`, returns an altair chart, and computes nothing but bins."""
