"""The HTML report in a real Chromium: drawn, searched, filtered; nothing is loaded, nothing foreign runs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
    pytest.mark.timeout(240),
]

ALL = 180  # five runs of 12 questions, each with a greedy and two sampled solutions


@pytest.fixture(scope="module")
def report_file(report_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from pspo_bench.report.html import report

    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(report([report_runs]).html, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Opened:
    """A page, what it asked for and what it complained of."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def count(self) -> str:
        return str(self.page.inner_text("#count"))

    def choose(self, name: str, label: str | re.Pattern[str]) -> None:
        options = self.page.locator(f"#{name} option").all_inner_texts()
        (text,) = [text for text in options if re.search(label, text)]
        self.page.select_option(f"#{name}", label=text)

    def search(self, query: str) -> None:
        self.page.fill("#search", query)
        self.page.wait_for_function("query => document.body.dataset.shows === query", arg=query)

    def rows(self) -> list[str]:
        return [str(text) for text in self.page.locator(".option-text").all_inner_texts()]


@pytest.fixture
def opened(chromium: Any, report_file: Path) -> Iterator[Opened]:
    with _opened(chromium, report_file) as found:
        yield found


class _opened:
    def __init__(self, chromium: Any, path: Path, **settings: Any) -> None:
        self.context = chromium.new_context(**settings)
        self.path = path

    def __enter__(self) -> Opened:
        page = self.context.new_page()
        found = Opened(page)
        page.on("request", lambda request: found.requests.append(request.url))
        page.on("console", lambda message: found.complaints.append(message.text))
        page.on("pageerror", lambda error: found.complaints.append(str(error)))
        page.goto(self.path.as_uri())
        page.wait_for_selector("body[data-shows]")
        return found

    def __exit__(self, *error: object) -> None:
        self.context.close()


def test_charts_are_drawn_and_nothing_is_loaded_or_complained_of(opened: Opened, report_file: Path) -> None:
    boxes = [figure.bounding_box() for figure in opened.page.locator("figure svg").all()]
    # differences, temperatures, pass@k, lengths and their change, accuracy and difference by category
    assert len(boxes) == 7
    assert all(box["width"] > 200 and box["height"] > 80 for box in boxes)
    drawn = opened.page.locator("figure svg").evaluate_all(
        "all => all.map(e => e.querySelectorAll('path').length)"
    )
    assert min(drawn) > 5
    assert opened.page.locator("#leaderboard table tbody tr").count() == 3
    opened.page.locator("nav a", has_text="Provenance").click()
    assert opened.page.locator("details.run").count() == 5
    assert opened.requests == [report_file.as_uri()]
    assert opened.complaints == []


def test_filters(opened: Opened) -> None:
    assert opened.count() == f"{ALL} of {ALL} samples"
    opened.choose("filter-arm", r"^clip")
    assert opened.count() == f"72 of {ALL} samples"  # two seeds of 36
    opened.choose("filter-status", "^correct$")
    assert opened.count() == f"36 of {ALL} samples"  # the even half of the questions
    opened.choose("filter-temperature", r"= 0\.8")
    assert opened.count() == f"24 of {ALL} samples"  # two of three samples
    opened.choose("filter-category", "^odd$")
    assert opened.count() == f"0 of {ALL} samples"  # clip solves no odd question
    assert opened.page.is_visible("#empty")
    opened.page.click("#reset")
    assert opened.count() == f"{ALL} of {ALL} samples"
    assert not opened.page.locator("label", has_text="Task").is_visible()  # there is one


def test_search_finds_questions_solutions_and_answers_whatever_their_case(opened: Opened) -> None:
    opened.search("ann BOUGHT them in zürich")
    assert opened.count() == f"15 of {ALL} samples"  # question 7: five runs, three samples
    opened.search("a needle")
    assert opened.count() == f"3 of {ALL} samples"  # what one run wrote for question 5
    opened.search("[a-z]+")
    assert opened.count() == f"0 of {ALL} samples"  # taken as it is, not as a pattern
    opened.search("")
    assert opened.count() == f"{ALL} of {ALL} samples"


def test_flips(opened: Opened) -> None:
    opened.choose("side-a", r"^clip")
    opened.choose("side-b", r"^pspo")
    opened.choose("filter-flips", r"^only pspo")
    # multiples of three that are odd, 3 and 9, at two temperatures
    assert opened.count() == "4 questions"
    assert [text.split(":")[0] for text in opened.rows()] == [
        "Question 3",
        "Question 3",
        "Question 9",
        "Question 9",
    ]
    opened.choose("filter-flips", r"^only clip")
    assert opened.count() == "8 questions"  # 2, 4, 8, 10
    opened.choose("filter-temperature", "= 0$")
    assert opened.count() == "4 questions"


def test_a_question_is_shown_with_both_arms_side_by_side(opened: Opened) -> None:
    opened.choose("filter-flips", r"^only pspo")
    opened.choose("filter-temperature", r"= 0\.8")
    opened.page.locator(".option").first.click()
    columns = opened.page.locator("#detail .column")
    columns.nth(1).locator(".solution").wait_for()
    left, right = (columns.nth(i).inner_text() for i in range(2))
    assert "clip-s0 says, at 0.8/0:" in left
    assert "pspo-s0 says, at 0.8/0:" in right
    assert "1 of 4, 0 right" in left  # two seeds, two samples
    assert "1 of 4, 4 right" in right
    # 3 + 2 = 12 is marked wrong, with the right value behind it
    assert columns.nth(0).locator(".solution .wrong").first.inner_text() == "3 + 2 = 12"
    assert columns.nth(0).locator(".solution .note").inner_text().strip() == "[wrong: 5]"
    columns.nth(0).get_by_label("next sample").click()
    columns.nth(0).locator(".solution", has_text="at 0.8/1").wait_for()
    assert "pspo-s0 says, at 0.8/0:" in columns.nth(1).inner_text()


def test_the_list_holds_few_elements_and_follows_the_keyboard(opened: Opened) -> None:
    assert opened.page.locator(".option").count() < 40
    opened.page.focus("#list")
    opened.page.keyboard.press("End")
    opened.page.wait_for_selector(f"#option-{ALL - 1}[aria-selected=true]")
    assert opened.page.get_attribute("#list", "aria-activedescendant") == f"option-{ALL - 1}"
    assert opened.page.locator(f"#option-{ALL - 1}").inner_text().startswith("wrong")
    opened.page.keyboard.press("ArrowUp")
    opened.page.wait_for_selector(f"#option-{ALL - 2}[aria-selected=true]")
    assert opened.page.locator(".option").count() < 40
    opened.page.keyboard.press("Home")
    opened.page.wait_for_selector("#option-0[aria-selected=true]")


def test_hostile_texts_are_inert(opened: Opened, hostile: str) -> None:
    opened.choose("filter-category", r"</script>")
    assert opened.count() == f"15 of {ALL} samples"
    opened.choose("filter-arm", r"^pspo")
    opened.page.locator(".option").first.click()
    opened.page.locator("#detail .solution").first.wait_for()
    seen = hostile.replace("\u202e", "\ufffd")  # what would turn the line round is made visible
    assert opened.page.locator("#detail .question").evaluate("e => e.textContent").endswith(seen)
    assert seen in opened.page.locator("#detail .column").nth(1).evaluate("e => e.textContent")
    for details in opened.page.locator("details").all():
        details.evaluate("e => e.open = true")
    opened.page.wait_for_timeout(100)
    assert opened.page.evaluate("window.pwned") is None
    assert opened.page.locator("main img, main script, #detail svg").count() == 0
    assert opened.complaints == []
    assert "49" not in opened.page.locator("details.run").nth(3).inner_text()  # {{ 7 * 7 }}


def test_the_policy_stops_what_would_get_past_the_rest(opened: Opened) -> None:
    failures: list[str] = []
    opened.page.on("requestfailed", lambda request: failures.append(request.failure))
    opened.page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.injected = 1";
          const image = document.createElement("img");
          image.src = "https://example.invalid/x.png";
          document.body.append(script, image);
          document.body.insertAdjacentHTML("beforeend", "<p onclick='window.injected = 1' id='trap'>x</p>");
          document.getElementById("trap").click();
        }"""
    )
    opened.page.wait_for_timeout(100)
    assert opened.page.evaluate("window.injected") is None
    assert failures == ["csp"]  # the image was not asked for
    assert len([line for line in opened.complaints if "Content Security Policy" in line]) == 3


def test_a_phone_scrolls_down_only(chromium: Any, report_file: Path) -> None:
    with _opened(chromium, report_file, viewport={"width": 390, "height": 844}, is_mobile=True) as phone:
        phone.page.locator(".option").first.click()
        phone.page.locator("#detail .solution").first.wait_for()
        assert phone.page.evaluate("document.documentElement.scrollWidth") == 390
        columns = [column.bounding_box() for column in phone.page.locator("#detail .column").all()]
        assert columns[1]["y"] >= columns[0]["y"] + columns[0]["height"]  # one below the other


def test_dark_and_print(chromium: Any, report_file: Path) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    with _opened(chromium, report_file, color_scheme="dark") as dark:
        assert dark.page.evaluate(background) == "rgb(21, 24, 28)"
        dark.page.emulate_media(media="print")
        assert dark.page.evaluate(background) == "rgb(255, 255, 255)"
        assert not dark.page.is_visible("#samples")  # no sample was chosen
        assert dark.page.is_visible("#leaderboard")
        assert not dark.page.is_visible("nav")


def test_without_scripts_all_but_the_samples_is_there(chromium: Any, report_file: Path) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report_file.as_uri())
    assert page.is_visible("noscript p") or page.is_visible("text=runs none; all else is complete")
    assert page.locator("figure svg").count() == 7
    context.close()
