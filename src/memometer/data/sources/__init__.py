"""One reader per kind of source; each hands on drafts of records, whose images nobody looked at yet."""

from memometer.data.sources.base import Draft, Fields, Labels, Piece, Reader, Reject
from memometer.data.sources.options import ReaderOptions
from memometer.data.sources.recognise import FORMATS, open_source

__all__ = ["FORMATS", "Draft", "Fields", "Labels", "Piece", "Reader", "ReaderOptions", "Reject", "open_source"]
