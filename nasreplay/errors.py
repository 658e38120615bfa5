"""Every error that nasreplay raises on purpose: one line that says where, what, and the way out.

`exit_status` is what the command line returns: 2 for bad usage or input, 1 for a run that failed.
"""


class NasReplayError(Exception):
    """Base of all named errors; a run that failed."""

    exit_status = 1


class BadInput(NasReplayError, ValueError):
    """Something that the user gave cannot be used as it is."""

    exit_status = 2


class BadArchitecture(BadInput):
    """A text, key, index or matrix that names no architecture of the space; points at the character."""


class UnknownName(BadInput):
    """A searcher, data set, space, hyper-parameter or column that does not exist; lists the known ones."""


class BadSetting(BadInput):
    """A hyper-parameter, budget or configuration value outside its range or of the wrong type."""


class NotMeasured(BadInput):
    """A number that the table does not hold; lists what it holds."""


class BadPack(BadInput):
    """A pack that is missing, truncated, damaged, or of another format."""


class BadData(BadInput):
    """An image data set that is missing, damaged, or of another layout than its name says."""


class UnsafePickle(BadInput):
    """A pickle that names something outside the allow-list; nothing of it was executed."""


class LacksCapability(BadInput):
    """An evaluator cannot do what a searcher needs; names the evaluators that can."""


class BadOutput(BadInput):
    """An output folder or file that cannot be written, or that belongs to another run."""


class WriteFailed(NasReplayError):
    """A run whose folder could no longer be written, on a full disk say; its last checkpoint is intact."""


class Interrupted(NasReplayError):
    """A run that was asked to stop; says how it continues."""


class ReplayDiverged(NasReplayError):
    """A re-driven run asked for something else than its record holds."""


class TrainingFailed(NasReplayError):
    """A training whose loss is no longer a number; its last checkpoint is intact."""
