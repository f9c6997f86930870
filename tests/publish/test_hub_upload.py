"""Uploading to a Hub on loopback: whole, again, after faults, and every refusal as one sentence."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pytest
from fake_hub import TOKEN, FakeHub, Fault, Repository

from pspo_bench.errors import PublishError
from pspo_bench.publish import Destination, Uploaded, upload

CARD = "---\nlicense: mit\n---\n\n# It\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A card, a large file and one in a folder."""
    made = tmp_path / "folder"
    (made / "results").mkdir(parents=True)
    (made / "README.md").write_text(CARD)
    (made / "model.safetensors").write_bytes(bytes(range(256)) * 40)
    (made / "results" / "run.json").write_text("{}\n")
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }


def push(folder: Path, hub: FakeHub, repo_id: str = "me/it", **options: Any) -> Uploaded:
    settings = {"endpoint": hub.endpoint, **options}
    return upload(folder, Destination(repo_id, **settings), "message", waits_s=(0.0, 0.0))


def test_every_file_arrives_byte_for_byte_in_one_commit(folder: Path, hub: FakeHub) -> None:
    done = push(folder, hub)
    assert hub.repositories["me/it"].files == contents(folder)
    assert hub.repositories["me/it"].commits == ["message"]
    assert done == Uploaded(f"{hub.endpoint}/me/it", f"{1:040x}", changed=True, removed=())


def test_a_large_file_arrives_in_parts(folder: Path, monkeypatch: pytest.MonkeyPatch, hub: FakeHub) -> None:
    hub.part_bytes = 3000
    push(folder, hub)
    assert hub.repositories["me/it"].files == contents(folder)
    assert sum(request.startswith("PUT /large/") for request in hub.requests) == 4  # 10240 bytes / 3000


def test_the_same_content_makes_no_second_commit(folder: Path, hub: FakeHub) -> None:
    first = push(folder, hub)
    again = push(folder, hub)
    assert (again.commit, again.changed) == (first.commit, False)
    (folder / "results" / "run.json").write_text("[]\n")
    assert push(folder, hub).changed
    assert hub.repositories["me/it"].commits == ["message", "message"]
    assert hub.count("PUT /large/") == 1, "the weights were sent once"


def test_a_repository_keeps_its_other_files_and_loses_weights_of_other_names(
    folder: Path, hub: FakeHub
) -> None:
    there = {
        "notes.md": b"mine",
        "model-00001-of-00002.safetensors": b"old",
        "model.safetensors.index.json": b"{}",
        "older/model-1.safetensors": b"kept",
    }
    hub.repositories["me/it"] = Repository(private=False, branches={"main": dict(there)})
    done = push(folder, hub)
    assert done.removed == ("model-00001-of-00002.safetensors", "model.safetensors.index.json")
    kept = {name: there[name] for name in ("notes.md", "older/model-1.safetensors")}
    assert hub.repositories["me/it"].files == {**kept, **contents(folder)}


def test_a_push_without_weights_leaves_those_that_are_there(folder: Path, hub: FakeHub) -> None:
    hub.repositories["me/it"] = Repository(private=False, branches={"main": {"old.safetensors": b"old"}})
    (folder / "model.safetensors").unlink()
    assert push(folder, hub).removed == ()
    assert "old.safetensors" in hub.repositories["me/it"].files


def test_a_branch_is_made_and_the_main_one_left_alone(folder: Path, hub: FakeHub) -> None:
    push(folder, hub, branch="seed-1")
    repository = hub.repositories["me/it"]
    assert repository.branches == {"main": {}, "seed-1": contents(folder)}


def test_results_go_into_a_folder_of_a_data_set(folder: Path, hub: FakeHub) -> None:
    done = push(folder / "results", hub, "me/scores", repo_type="dataset", path_in_repo="it")
    assert hub.repositories["datasets/me/scores"].files == {"it/run.json": b"{}\n"}
    assert done.url == f"{hub.endpoint}/datasets/me/scores"


def test_private_makes_a_private_repository_and_refuses_a_public_one(folder: Path, hub: FakeHub) -> None:
    push(folder, hub, private=True)
    assert hub.repositories["me/it"].private
    hub.repositories["me/open"] = Repository(private=False)
    with pytest.raises(PublishError, match="me/open exists and is public, which --private does not change"):
        push(folder, hub, "me/open", private=True)
    assert hub.repositories["me/open"].files == {}


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", "/api/repos/create", 503, times=1),
        Fault("POST", "/commit/", 500, times=2),
        Fault("POST", "/commit/", 429, times=1),
        Fault("POST", "/commit/", 0, times=1, hang_up=True),
    ],
    ids=lambda fault: f"{fault.path}-{fault.status}",
)
def test_a_hub_that_fails_for_a_moment_is_asked_again(folder: Path, hub: FakeHub, fault: Fault) -> None:
    hub.faults = [fault]
    push(folder, hub)
    assert hub.repositories["me/it"].files == contents(folder)
    assert hub.repositories["me/it"].commits == ["message"]
    assert hub.count("PUT /large/") == 1


def test_an_answer_that_was_lost_after_the_commit_makes_no_second_one(folder: Path, hub: FakeHub) -> None:
    push(folder, hub)
    hub.faults = [Fault("GET", "/tree/", 502, times=1)]
    assert not push(folder, hub).changed
    assert hub.repositories["me/it"].commits == ["message"]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            Fault("POST", "/commit/", 403, message="read only token"),
            r"may not write to me/it \(read only token\)",
        ),
        (
            Fault("POST", "/preupload/", 404, message="gone"),
            r"me/it is not there, or the token may not see it",
        ),
        (
            Fault("POST", "/commit/", 409, message="a commit has happened since"),
            "being changed by someone else",
        ),
        (Fault("POST", "/commit/", 500), "failed with status 500; push again later"),
        (Fault("POST", "/commit/", 429), "takes no more requests for now"),
        (Fault("POST", "/commit/", 413, message="too much"), r"refused me/it with status 413 \(too much\)"),
        (Fault("POST", "/commit/", 0, hang_up=True), "Cannot reach http://127.0.0.1:.* push again"),
    ],
    ids=lambda value: f"{value.status}" if isinstance(value, Fault) else "",
)
def test_a_refusal_is_one_sentence(folder: Path, hub: FakeHub, fault: Fault, message: str) -> None:
    hub.faults = [fault]
    with pytest.raises(PublishError, match=message) as caught:
        push(folder, hub)
    assert "\n" not in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_a_wrong_token_a_foreign_name_and_no_token(
    folder: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PublishError, match="may not write to them/it .* choose a repository of your own"):
        push(folder, hub, "them/it")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(PublishError, match="does not know the token .*hf auth login") as caught:
        push(folder, hub)
    assert "hf_wrong" not in str(caught.value)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(folder / "none"))
    monkeypatch.setattr("huggingface_hub.constants.HF_STORED_TOKENS_PATH", str(folder / "none"))
    with pytest.raises(PublishError, match="There is no Hub token; run `hf auth login`, or set HF_TOKEN"):
        push(folder, hub)


def test_a_hub_that_is_not_there_fails_at_once(folder: Path, hub: FakeHub) -> None:
    with socket.socket() as taken:  # bound and not listening: nobody answers, and nobody else can take it
        taken.bind(("127.0.0.1", 0))
        started = time.monotonic()
        with pytest.raises(PublishError, match="Cannot reach .* check the network and HF_ENDPOINT"):
            push(folder, hub, endpoint=f"http://127.0.0.1:{taken.getsockname()[1]}")
        assert time.monotonic() - started < 5


def test_offline_mode_is_named(folder: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(PublishError, match="HF_HUB_OFFLINE is set, so nothing can be pushed"):
        push(folder, hub)


def test_a_license_that_the_hub_does_not_know_is_refused_before_anything_is_sent(
    folder: Path, hub: FakeHub
) -> None:
    (folder / "README.md").write_text(CARD.replace("mit", "my-own"))
    with pytest.raises(PublishError, match='did not take me/it: .*"license" must be one of'):
        push(folder, hub)
    assert hub.count("PUT") == 0


def test_a_file_that_a_gitignore_keeps_out_is_missed(folder: Path, hub: FakeHub) -> None:
    hub.ignored = r"results/.*"
    with pytest.raises(PublishError, match="took the commit but not results/run.json; a .gitignore there"):
        push(folder, hub)


@pytest.mark.parametrize("repo_id", ["it", "me/../it", "a/b/c", "me/it.git", "me/-it", "me/i t"])
def test_a_name_that_is_no_repository_is_refused(folder: Path, hub: FakeHub, repo_id: str) -> None:
    with pytest.raises(PublishError, match="give USER/NAME"):
        push(folder, hub, repo_id)
    assert hub.requests == []
