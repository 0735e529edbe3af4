"""What detectors share that are told what to look for."""

from memometer.annotators.base import Asked
from memometer.annotators.folders import Detector
from memometer.annotators.seeing import DetectorPreprocess

__all__ = ["VocabularyDetector"]


class VocabularyDetector:
    """A detector of transformers and a vocabulary.

    Attributes:
        spec: what the user named it by.
        labels: (v,) the vocabulary.
        weights_hashes: of the model.
        preprocess: as in `Annotator`.
        files: where its files are.
        warnings: what is loaded in another way than the folder says, in sentences.
    """

    def __init__(self, detector: Detector, *, spec: str, asked: Asked) -> None:
        self.spec = spec
        self.labels = asked.vocabulary(spec)
        self.weights_hashes = (detector.weights_hash,)
        self.warnings = detector.warnings
        self.files = (detector.folder,)
        self._model = detector.model
        self.preprocess = DetectorPreprocess(detector.image_processor)
        self._detector, self._asked = detector, asked
