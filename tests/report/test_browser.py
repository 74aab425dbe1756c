"""The page in a real browser: it reacts to a person's input, without errors or requests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browsing import Visit, needs_chromium, open_browser
from charloop.data import Vocabulary
from charloop.report import gather_report, render_page
from report.networks import SENTENCE, folder_of, network, report_of, sources

pytestmark = needs_chromium
TEXT = SENTENCE * 30 + "\ttab é\u202e\n"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with everything on it, in a file."""
    folder = tmp_path_factory.mktemp("page")
    report, vocabulary = report_of(folder / "<b>run", TEXT, training=TEXT)
    path = folder / "report.html"
    path.write_text(render_page(report, vocabulary), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from open_browser()


@pytest.fixture
def visit(browser: Any, file: Path) -> Iterator[Visit]:
    """The opened page; at the end, check that it logged no error and requested only itself."""
    found = Visit(browser, file, viewport={"width": 1200, "height": 900})
    yield found
    assert found.complaints == []
    assert found.requests == [file.as_uri()]
    found.page.context.close()


def expected(page: Any) -> list[str]:
    """The characters that the panel lists."""
    symbols: list[str] = page.locator("#expected li b").all_inner_texts()
    return symbols


def test_hovering_shows_five_expected_characters(visit: Visit) -> None:
    characters = visit.page.locator("#surprise-text span")
    assert characters.count() == len(TEXT)
    before = visit.page.locator("#expected").inner_text()
    characters.nth(70).hover()
    after = visit.page.locator("#expected").inner_text()
    assert after != before
    assert len(expected(visit.page)) in (5, 6), "five, and what came if it was not among them"
    assert visit.page.locator("#expected li.came").count() == 1
    chances = [
        float(one.rstrip(" %")) for one in visit.page.locator("#expected li > :last-child").all_inner_texts()
    ]
    assert chances[:5] == sorted(chances[:5], reverse=True)
    assert 0 < sum(chances) <= 100.1
    assert visit.page.locator("#expected mark").inner_text() == {" ": "␣", "\n": "↵"}.get(TEXT[70], TEXT[70])
    visit.page.mouse.move(0, 0)
    assert visit.page.locator("#expected").inner_text() == before


def test_the_first_character_was_not_predicted(visit: Visit) -> None:
    visit.page.locator("#surprise-text span").first.hover()
    assert "nothing comes before" in visit.page.locator("#expected").inner_text()


def test_keys_move_through_the_text(visit: Visit) -> None:
    page = visit.page
    page.locator("#surprise-text").focus()
    page.keyboard.press("Home")
    for key in ("ArrowRight",) * 5 + ("ArrowLeft",):
        page.keyboard.press(key)
    chosen = page.evaluate(
        "[...document.querySelectorAll('#surprise-text span')].findIndex(s => s.matches('.chosen'))"
    )
    assert chosen == 4
    page.keyboard.press("ArrowDown")
    below = page.evaluate(
        "[...document.querySelectorAll('#surprise-text span')].findIndex(s => s.matches('.chosen'))"
    )
    assert below > 4
    page.keyboard.press("ArrowUp")
    assert page.locator("#surprise-text .chosen").count() == 1
    page.keyboard.press("End")
    assert page.locator("#surprise-text span").last.get_attribute("class").endswith("chosen")
    place = "document.querySelector('#surprise-text{}').getBoundingClientRect().bottom"
    assert page.evaluate(f"{place.format(' .chosen')} <= {place.format('')}"), (
        "the chosen character is in sight"
    )


def test_another_unit_has_other_colours(visit: Visit) -> None:
    page = visit.page
    buttons = page.locator("button[data-unit]")
    assert buttons.count() > 1
    kinds = "[...document.querySelectorAll('#unit-text span')].map(s => s.className).join()"
    colours = (
        "[...document.querySelectorAll('#unit-text span')].map(s => getComputedStyle(s).backgroundColor)"
    )
    first, names = page.evaluate(kinds), page.locator("button small").all_inner_texts()
    assert len(set(page.evaluate(colours))) > 3
    # Two marks may be tracked by the same unit.
    other = next(place for place, name in enumerate(names) if name.split("\n")[0] != names[0].split("\n")[0])
    before = page.evaluate(colours)
    buttons.nth(other).focus()
    page.keyboard.press("Enter")
    assert page.evaluate(kinds) != first
    assert page.evaluate(colours) != before
    pressed = page.locator("button[aria-pressed=true]")
    assert (pressed.count(), pressed.get_attribute("data-unit")) == (1, str(other))
    assert page.locator("article.unit:visible").count() == 1


def test_the_text_is_shown_and_copied_as_it_is(visit: Visit) -> None:
    """Symbols for blanks are not part of it; a character without a symbol is shown as a number."""
    text = visit.page.evaluate("document.querySelector('#surprise-text').textContent")
    assert text == TEXT.replace("\u202e", "U+202E")
    after = "getComputedStyle(document.querySelector('#surprise-text .blank'), '::before').content"
    assert visit.page.evaluate(after) == '"↵"'


def test_the_temperature_is_chosen(browser: Any, tmp_path: Path) -> None:
    vocabulary = Vocabulary.of_text(SENTENCE)
    run = folder_of(tmp_path / "run", vocabulary, 3)
    run.samples.mkdir()
    (run.samples / "step-0000003.txt").write_text(
        "".join(f"--- temperature {t} ---\nwritten at {t}\n" for t in (0.5, 0.8, 1.0))
    )
    path = tmp_path / "report.html"
    path.write_text(
        render_page(gather_report(run, network(vocabulary), sources(vocabulary, SENTENCE)), vocabulary)
    )
    visit = Visit(browser, path)
    assert visit.page.locator(".cards pre:visible").all_inner_texts() == ["written at 0.8"]
    visit.page.get_by_text("temperature 1.0").click()
    assert visit.page.locator(".cards pre:visible").all_inner_texts() == ["written at 1.0"]
    assert visit.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 400, 700, 1400])
def test_no_window_is_too_narrow(width: int, scheme: str, browser: Any, file: Path) -> None:
    visit = Visit(browser, file, viewport={"width": width, "height": 800}, color_scheme=scheme)
    visit.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.page.locator("#curves svg:visible").count() == 1
    assert visit.complaints == []


CONTRAST = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const linear = (one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = parts(colour).map((one) => linear(one / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (!(parts(colour).length === 4 && parts(colour)[3] === 0)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const home = document.querySelector("#surprise-text");
  const found = {};
  for (const kind of [...Array(9).keys()].flatMap((level) => [`s${level}`, `u${level}`])) {
    const span = document.createElement("span");
    span.className = kind;
    span.textContent = "x";
    home.append(span);
    const [one, other] = [light(getComputedStyle(span).color), light(ground(span))].sort((a, b) => b - a);
    found[kind] = [(one + 0.05) / (other + 0.05), light(ground(span))];
    span.remove();
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_are_read_on_every_colour(scheme: str, browser: Any, file: Path) -> None:
    """4.5 to 1 (WCAG 2.1, 1.4.3) everywhere; and surprise goes one way from the page, for who sees no hue."""
    visit = Visit(browser, file, color_scheme=scheme)
    found = visit.page.evaluate(CONTRAST)
    assert {kind: ratio for kind, (ratio, _) in found.items() if ratio < 4.5} == {}
    grounds = [found[f"s{level}"][1] for level in range(9)]
    assert grounds == sorted(grounds, reverse=scheme == "light")
    assert len(set(grounds)) == 9


def test_without_scripts_the_page_is_readable(browser: Any, file: Path) -> None:
    visit = Visit(browser, file, java_script_enabled=False)
    assert "The cat (a black one)" in visit.page.locator("#surprise-text").inner_text()
    assert "The colours need JavaScript." in visit.page.locator("#expected").inner_text()
    assert visit.page.locator("article.unit:visible").count() > 1
