"""A folder → a repository on the Hugging Face Hub, by huggingface_hub; every refusal as one sentence with its mend.

    upload(Path("folder"), Destination("user/name"), "pspo after 60 optimiser steps")

An upload that was cut off is continued by the same call: large files that arrived are not sent again, and files that
have not changed make no commit. Source: https://huggingface.co/docs/huggingface_hub/guides/upload
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pspo_bench.errors import PublishError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

T = TypeVar("T")

WEIGHT_ENDINGS = (".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json")
RETRIED_STATUS = (429, 500, 502, 503, 504)
RETRY_WAITS_S = (2.0, 10.0)
"""Waits before the second and the third try. huggingface_hub retries single requests by itself, but not all."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to: a repository (`USER/NAME`), a branch of it (None for the main one), and a folder in it.

    `private` makes a new repository private; None leaves that to the account's setting. `endpoint` None is HF_ENDPOINT,
    else huggingface.co.
    """

    repo_id: str
    repo_type: str = "model"
    branch: str | None = None
    path_in_repo: str = ""
    private: bool | None = None
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What became of an upload. `changed` is False where everything was there already, so that no commit was made;
    `removed` are the old weight files that the new ones replace.
    """

    url: str
    commit: str
    changed: bool
    removed: tuple[str, ...]


def check_repo_id(repo_id: str) -> None:
    """Raises PublishError unless `repo_id` is USER/NAME, as the Hub writes them."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise PublishError(f"'{repo_id}' is no repository id: {error}; give USER/NAME") from error
    if "/" not in repo_id:
        raise PublishError(f"'{repo_id}' does not say whose repository it is; give USER/NAME")


def hub_token() -> str:
    """The token of HF_TOKEN or of `hf auth login`. Raises PublishError if there is none."""
    from huggingface_hub import get_token

    token = get_token()
    if not token:
        raise PublishError(
            "There is no Hub token; run `hf auth login`, or set HF_TOKEN to a token that may write"
        )
    return token


def upload(
    folder: Path,
    to: Destination,
    message: str,
    *,
    token: str | None = None,
    waits_s: Sequence[float] = RETRY_WAITS_S,
) -> Uploaded:
    """Make the repository if it is not there, and commit what is in `folder` to it.

    Nothing of the repository is removed but old weight files beside new ones of other names. A bar shows the progress
    where stderr is a terminal. Raises PublishError; what had arrived by then need not be sent again.
    """
    from huggingface_hub import HfApi

    check_repo_id(to.repo_id)
    api = HfApi(endpoint=to.endpoint, token=token or hub_token())
    with _one_sentence(to, api.endpoint), _progress():
        return _retried(lambda: _upload(api, folder, to, message), waits_s)


def _upload(api: HfApi, folder: Path, to: Destination, message: str) -> Uploaded:
    repo, kind = to.repo_id, to.repo_type
    api.create_repo(repo, repo_type=kind, private=to.private, exist_ok=True)
    if to.private and api.repo_info(repo, repo_type=kind).private is False:
        raise PublishError(
            f"{to.repo_id} exists and is public, which --private does not change; make it private in its settings on"
            " the Hub, or choose another name"
        )
    if to.branch is not None:
        api.create_branch(repo, repo_type=kind, branch=to.branch, exist_ok=True)
    before = api.repo_info(repo, repo_type=kind, revision=to.branch).sha
    start = f"{to.path_in_repo}/" if to.path_in_repo else ""
    ours = {start + file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    stale = _stale_weights(api.list_repo_files(repo, repo_type=kind, revision=to.branch), ours)
    done = api.upload_folder(
        repo_id=repo,
        repo_type=kind,
        folder_path=folder,
        path_in_repo=to.path_in_repo or None,
        revision=to.branch,
        commit_message=message,
        delete_patterns=[_literal(name) for name in stale] or None,
    )
    missing = ours - set(api.list_repo_files(repo, repo_type=kind, revision=to.branch))
    if missing:
        raise PublishError(
            f"{to.repo_id} took the commit but not {', '.join(sorted(missing)[:3])}; a .gitignore there may leave it"
            " out: remove it and push again"
        )
    return Uploaded(str(done.commit_url).partition("/commit/")[0], done.oid, done.oid != before, tuple(stale))


def _stale_weights(there: Sequence[str], ours: set[str]) -> list[str]:
    """Weight files at the top of the repository that ours replace under other names: a loader would take either."""
    if not any(name.endswith(WEIGHT_ENDINGS) and "/" not in name for name in ours):
        return []
    return sorted(n for n in there if n.endswith(WEIGHT_ENDINGS) and "/" not in n and n not in ours)


def _literal(name: str) -> str:
    """`name` as a pattern that matches it alone (https://docs.python.org/3/library/fnmatch.html)."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _retried(action: Callable[[], T], waits_s: Sequence[float]) -> T:
    """`action`, done again after each of the waits while the Hub is busy or failing. Doing it twice changes nothing."""
    for wait_s in waits_s:
        try:
            return action()
        except Exception as error:
            if not _passes(error):
                raise
        time.sleep(wait_s)
    return action()


def _passes(error: Exception) -> bool:
    """Whether the same request may do better in a moment: the Hub is busy or failing, or the line broke."""
    cause = _cause(error)
    status = _status(cause)
    if status is not None:
        return status in RETRIED_STATUS
    names = {
        kind.__name__ for kind in type(cause).__mro__
    }  # of httpx or httpx2, by huggingface_hub's version
    return "TransportError" in names and "ConnectError" not in names


def _cause(error: BaseException) -> BaseException:
    """What huggingface_hub wraps into a RuntimeError when one of several files fails."""
    while isinstance(error, RuntimeError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _status(error: BaseException) -> int | None:
    code = getattr(getattr(error, "response", None), "status_code", None)
    return code if isinstance(code, int) else None


@contextmanager
def _progress() -> Iterator[None]:
    """huggingface_hub's bars where stderr is a terminal, and nothing of its warnings about what is meant."""
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    shown = not are_progress_bars_disabled()
    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        with warnings.catch_warnings():
            # the training log is a Parquet file, which belongs to the model
            warnings.filterwarnings("ignore", message="It seems that you are about to commit a data file")
            yield
    finally:
        if shown:
            enable_progress_bars()


@contextmanager
def _one_sentence(to: Destination, endpoint: str) -> Iterator[None]:
    """Every way in which the Hub or the line may fail, as one PublishError."""
    try:
        yield
    except PublishError:
        raise
    except Exception as error:
        told = _explained(_cause(error), to, endpoint)
        if told is None:
            raise
        raise PublishError(told) from error


def _explained(error: BaseException, to: Destination, endpoint: str) -> str | None:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "OfflineModeIsEnabled" in kinds:
        return "HF_HUB_OFFLINE is set, so nothing can be pushed; unset it, or use --dry-run"
    status = _status(error)
    if status is not None:
        return _by_status(status, error, to, endpoint)
    if "TransportError" in kinds:
        return (
            f"Cannot reach {endpoint} ({_first_line(error)}); check the network and HF_ENDPOINT, then push again: what"
            " arrived is not sent twice"
        )
    if isinstance(error, ValueError):  # huggingface_hub's word for metadata or an answer that is not right
        told = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
        return f"The Hub did not take {to.repo_id}: {told.rstrip('.')}; mend that and push again"
    if isinstance(error, OSError | RuntimeError):  # a file of ours, or what hf_xet raises
        return f"The upload to {to.repo_id} failed: {_first_line(error)}; push again: what arrived is not sent twice"
    return None


def _by_status(status: int, error: BaseException, to: Destination, endpoint: str) -> str:
    said = _server_message(error)
    reason = f" ({said})" if said else ""
    user = to.repo_id.partition("/")[0]
    if status == 401:
        return f"{endpoint} does not know the token{reason}; run `hf auth login` again, or set HF_TOKEN anew"
    if status == 403:
        return (
            f"The token may not write to {to.repo_id}{reason}; give it write access to '{user}' at"
            f" {endpoint}/settings/tokens, or choose a repository of your own"
        )
    if status == 404:
        return f"{to.repo_id} is not there, or the token may not see it{reason}; check name, branch and token"
    if status == 409:
        return f"{to.repo_id} is being changed by someone else{reason}; push again in a moment"
    if status == 429:
        return f"{endpoint} takes no more requests for now{reason}; push again later: what arrived is not sent twice"
    if status >= 500:
        return f"{endpoint} failed with status {status}{reason}; push again later: what arrived is not sent twice"
    return f"{endpoint} refused {to.repo_id} with status {status}{reason}; mend that and push again"


def _server_message(error: BaseException) -> str:
    """What the server says of it, in one line."""
    told = getattr(error, "server_message", None)
    return " ".join(str(told).split())[:200] if told else ""


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__
