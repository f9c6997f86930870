"""The exception tree: every error a user can cause or meet, one class per place to mend it.

The message says what is wrong, where, and how to mend it, for example
`Unknown checker 'numric' in tasks/svamp.toml; known: numeric, symbolic, text`.
The command line prints it as one line; `--debug` adds the traceback.
"""

from __future__ import annotations


class PspoBenchError(Exception):
    """Base of all errors raised on purpose. `exit_code` is what the command line returns for it."""

    exit_code = 1


class ConfigError(PspoBenchError):
    """A recipe, study, task file or command-line value is not valid."""

    exit_code = 2


class DataError(PspoBenchError):
    """A data set is missing, has the wrong rows, or holds something that cannot be parsed."""


class ModelError(PspoBenchError):
    """A model, tokenizer or adapter cannot be loaded, or is not safe to load."""


class StoreError(PspoBenchError):
    """A run folder cannot be read or written, or does not fit what is asked of it."""


class EvaluationError(PspoBenchError):
    """An evaluation cannot go on; what was finished is in its run."""


class TrainingError(PspoBenchError):
    """Training cannot start, continue or resume as asked."""


class GateError(PspoBenchError):
    """A gate cannot judge: a run failed, is incomplete, or has nothing that can be held against its baseline."""

    exit_code = 4


class MismatchError(GateError):
    """A gate will not judge: the run and its baseline were not run alike."""

    exit_code = 5


class PublishError(PspoBenchError):
    """A checkpoint cannot be published as asked, or the Hub did not take it."""


class AnswerError(PspoBenchError):
    """A gold answer cannot be parsed, or the checker was called with wrong arguments."""


class MissingExtraError(PspoBenchError):
    """An optional dependency is not installed."""

    exit_code = 2

    def __init__(self, extra: str, needed_for: str) -> None:
        self.extra, self.needed_for = extra, needed_for
        super().__init__(
            f"{needed_for} needs the extra '{extra}'; install it with: pip install 'pspo-bench[{extra}]'"
        )

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        """For pickle, by which an error gets to other processes: it would call the class with the message."""
        return type(self), (self.extra, self.needed_for)


def printable(text: str) -> str:
    """`text` on one line without control characters: what others wrote must not steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def unknown(kind: str, name: str, known: object, where: str | None = None) -> str:
    """The one sentence for a name that is not known, with the nearest known name when one is close."""
    import difflib

    names = sorted(str(item) for item in known)  # type: ignore[attr-defined]
    near = difflib.get_close_matches(name, names, n=1)
    place = f" in {where}" if where else ""
    hint = f" (did you mean '{near[0]}'?)" if near else ""
    return f"Unknown {kind} '{name}'{place}{hint}; known: {', '.join(names) or 'none'}"
