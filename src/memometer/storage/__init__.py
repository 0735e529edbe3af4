"""Objects in buckets, read and written as files are: whole or not at all, again where a request fails, kept near."""
