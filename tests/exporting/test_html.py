"""The web page in a real browser: it writes, explains and scores; nothing breaks out of it or asks for anything."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest

from browsing import Visit, needs_chromium, open_browser
from charloop.exporting import export
from charloop.exporting.content import Export
from charloop.exporting.forms.html_page import make_files
from charloop.sampling import SamplingConfig
from exporting.networks import HOSTILE, LABELS, make_network
from exporting.test_numpy import load_exported

pytestmark = needs_chromium
NAME = "<img src=x onerror=alert(1)>\"'&amp; \u202e"
ATTACK = "</script><script>alert(1)</script><!--\u2028\ud800"
COLOURS = (
    "[...document.querySelectorAll('#surprises span')].map((one) => getComputedStyle(one).backgroundColor)"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from open_browser()


@pytest.fixture(scope="module")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that returns the page of a network, in a file with a hostile name."""
    folder = tmp_path_factory.mktemp("pages")

    def make(kind: str) -> Path:
        path = folder / f"{NAME} {kind}.html"
        if not path.exists():
            export(make_network(kind), "html", path, length=60, temperature=0.8, prompt="ab")
        return path

    return make


@pytest.fixture
def visit(browser: Any, page_of: Any) -> Iterator[Any]:
    """A function that opens a page; at the end, check that it logged no error and requested only itself."""
    opened: list[Visit] = []

    def open_page(kind: str = "lstm", *, size: tuple[int, int] = (1280, 800), **asked: Any) -> Any:
        query = f"?{urlencode(asked)}" if asked else ""
        opened.append(Visit(browser, page_of(kind), query, viewport={"width": size[0], "height": size[1]}))
        return opened[-1].page

    yield open_page
    for one in opened:
        assert one.complaints == []
        assert len(one.requests) == 1
        one.page.context.close()


def wait_for_text(page: Any) -> str:
    """Wait until the page has written; return the text, in which invisible characters are shown by their number."""
    page.locator("#status", has_text="Wrote").wait_for()
    text: str = page.evaluate("document.querySelector('#written').textContent")
    return text


def shown(text: str) -> str:
    for character in "\x00\u202e\ud800":
        text = text.replace(character, f"U+{ord(character):04X}")
    return text


def test_it_writes_at_once_what_the_address_asks_for(visit: Any, tmp_path: Path) -> None:
    by_numpy = load_exported(make_network("lstm"), tmp_path).Network()
    how = {"length": 50, "top_k": 7, "top_p": 0.9, "temperature": 1.1, "seed": 5}
    page = visit(prompt="ca\n", **how)
    assert wait_for_text(page) == shown("ca\n" + by_numpy.decode(by_numpy.write("ca\n", **how)))
    assert "Wrote 50 characters" in page.inner_text("#status")
    assert page.inner_text("#engine") == "WebAssembly"


def test_settings_out_of_range_are_not_taken_from_the_address(visit: Any) -> None:
    page = visit(temperature="-1", top_p="x", length="1e9", top_k="", prompt="ab")
    wait_for_text(page)
    values = [page.input_value(f"#{name}") for name in ("temperature", "top_p", "length")]
    assert values == ["0.8", "1", "60"]


def test_settings_of_the_file_are_taken_whatever_the_form_offers(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    given = {"length": 2**31 - 1, "temperature": 0.123, "top_k": 2**40, "top_p": 0.001}
    export(make_network("lstm"), "html", path, **given)
    page = Visit(browser, path).page
    page.locator("#status", has_text="W").wait_for()
    values = [page.input_value(f"#{name}") for name in given]
    assert values == ["20000", "0.123", str(make_network("lstm").vocabulary.size), "0.001"]
    page.goto(path.as_uri() + "?temperature=0.33&seed=x")
    page.locator("#status", has_text="W").wait_for()
    assert [page.input_value(f"#{name}") for name in ("temperature", "seed")] == ["0.33", "0"]
    page.context.close()


def test_writing_is_stopped_and_typing_goes_on_meanwhile(visit: Any) -> None:
    page = visit()
    wait_for_text(page)
    during = """async () => {
      const [go, prompt, length] = ["go", "prompt", "length"].map((id) => document.getElementById(id));
      const rest = () => new Promise((resolve) => setTimeout(resolve));
      length.value = 20000;
      go.click();
      await rest();
      const label = go.textContent;
      prompt.focus();
      prompt.value = "abc";
      prompt.dispatchEvent(new Event("input"));
      await rest();
      go.click();
      return label;
    }"""
    assert page.evaluate(during) == "Stop"
    page.locator("#status", has_text="Stopped after").wait_for()
    assert page.inner_text("#context") == "after “abc”"
    assert page.inner_text("#go") == "Write"
    page.evaluate("document.querySelector('#length').value = '0'")
    page.click("#go")
    assert page.locator("#length").is_visible(), "what is wrong is shown"
    page.fill("#length", "3")
    page.click("#go")
    assert wait_for_text(page).startswith("abc")


def test_a_character_shows_what_was_expected_there(visit: Any) -> None:
    page = visit(seed=3, length=200)
    wait_for_text(page)
    found = page.evaluate(
        """(async () => {
          const network = await charloop.ready;
          const before = [...network.prepend(network.encode("ab")), ...await collect(network)];
          async function collect() {
            const made = [];
            for await (const token of network.writeTokens("ab", {seed: 3, length: 149})) made.push(token);
            return made;
          }
          const logits = await network.read(before, network.begin());
          return network.rank(logits).slice(0, 8).map((one) => 100 * one.probability);
        })()"""
    )
    page.locator("#written span").nth(151).hover()
    page.locator("#choices li").first.wait_for()
    chances = page.locator("#choices small").all_inner_texts()
    assert [float(one.strip("< %")) for one in chances[:7]] == pytest.approx(found[:7], abs=0.51)
    assert page.locator("#choices li.came").count() == 1
    page.locator("#written").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    assert page.locator("#written .chosen").count() == 1
    page.locator("#spoken", has_text="bits. Expected:").wait_for(state="attached")
    spans = "[...document.querySelectorAll('#written span')]"
    page.evaluate(f"{spans}[3].dispatchEvent(new PointerEvent('pointerover', {{bubbles: true}}))")
    assert not page.evaluate(f"{spans}[3].matches('.chosen')"), "the text was scrolled under the pointer"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "pasted", "the text is no trap"


def test_a_pasted_text_is_coloured_by_its_surprise(visit: Any) -> None:
    page, known = visit(), "abcdef\n" + HOSTILE.replace("\ud800", "")  # that none can type
    page.fill("#pasted", f"X{known}")
    page.locator("#bits", has_text="bits per character").wait_for()
    bits = page.inner_text("#bits")
    assert page.evaluate("document.querySelector('#surprises').textContent") == shown(f"X{known}")
    assert bits.endswith("Left out, as the network does not know them: X")
    score = "(text) => charloop.score(text).then((one) => one.bitsPerToken)"
    assert float(bits.split()[0]) == pytest.approx(page.evaluate(score, known), abs=5e-4)
    assert len(set(page.evaluate(COLOURS))) > 1


def test_an_unknown_character_in_a_prompt_is_named(visit: Any) -> None:
    page = visit()
    wait_for_text(page)
    page.fill("#prompt", "aXb")
    assert "does not know X" in page.inner_text("#wrong")
    page.click("#go")
    assert wait_for_text(page).startswith("ab")
    page.fill("#prompt", "ab")
    assert page.locator("#wrong").is_hidden()


def test_of_many_unknown_characters_some_are_named(visit: Any) -> None:
    page = visit(prompt="".join(map(chr, range(0x4E00, 0x4E00 + 70))))
    page.locator("#status", has_text="Ready.").wait_for()
    assert page.inner_text("#wrong").endswith("丒 专 and 50 more: its training text had no such character.")


def test_documents_have_a_label_and_another_one(visit: Any, tmp_path: Path) -> None:
    by_numpy = load_exported(make_network("labels"), tmp_path).Network()
    page = visit("labels", label=LABELS[1], seed=2, length=60)
    first = by_numpy.decode(by_numpy.write("ab", seed=2, label=LABELS[1], length=60, temperature=0.8))
    assert wait_for_text(page) == shown("ab" + first)
    assert page.locator("#label option").all_inner_texts() == [LABELS[0], LABELS[1], "(none)"]
    page.click("#another")
    page.locator("#written .break").wait_for()
    second = by_numpy.decode(by_numpy.write("ab", seed=3, label=LABELS[1], length=60, temperature=0.8))
    assert wait_for_text(page) == shown("ab" + first + "ab" + second)
    page.select_option("#label", index=0)
    page.click("#go")
    other = by_numpy.decode(by_numpy.write("ab", seed=2, label=LABELS[0], length=60, temperature=0.8))
    assert wait_for_text(page) == shown("ab" + other)


def test_an_unknown_label_in_the_address_leaves_the_usual_one(visit: Any) -> None:
    page = visit("labels", label="unknown")
    wait_for_text(page)
    assert page.evaluate("document.querySelector('#label').selectedIndex") == 0


def beyond_ascii(text: str) -> str:
    """Return the characters that the page shows as they are, but ASCII."""
    return "".join(c for c in text if c > "~" and c.isprintable())


def test_a_byte_network_writes_any_character(visit: Any, tmp_path: Path) -> None:
    by_numpy = load_exported(make_network("bytes"), tmp_path).Network()
    how = {"temperature": 2, "seed": 1}
    written = by_numpy.decode(by_numpy.write("é\U0001f600", length=60, **how))
    made = wait_for_text(visit("bytes", prompt="é\U0001f600", **how))
    text = f"é\U0001f600{written}"
    assert beyond_ascii(made) == beyond_ascii(text)


def test_a_phone_is_wide_enough(visit: Any) -> None:
    page = visit("labels", size=(360, 740))
    page.fill("#pasted", "abc" * 90 + HOSTILE)
    page.locator("#bits", has_text="bits per character").wait_for()
    page.evaluate("document.querySelector('details').open = true")
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_the_policy_refuses_every_request(browser: Any, page_of: Any) -> None:
    visit = Visit(browser, page_of("lstm"))
    tries = """async () => {
      const refused = [];
      document.addEventListener("securitypolicyviolation", (event) => refused.push(event.blockedURI));
      const image = new Image();
      image.src = "https://example.org/image";
      new WebSocket("wss://example.org/socket");
      const made = await fetch("https://example.org/fetch").then(() => "asked", () => "refused");
      for (let n = 0; refused.length < 3 && n < 400; n++) await new Promise((resolve) => setTimeout(resolve, 5));
      return [made, ...refused.sort()];
    }"""
    at = "https://example.org/"
    assert visit.page.evaluate(tries) == ["refused", f"{at}fetch", f"{at}image", "wss://example.org/socket"]
    visit.page.context.close()


def test_nothing_breaks_out_of_the_page(browser: Any, tmp_path: Path) -> None:
    """Neither the name nor the prompt nor what is known of the text."""
    facts = {
        "name": NAME, "charloop": ATTACK, "network": ATTACK, "parameters": 1, "nats": 1.0, "bits": 1.4,
        "text": {"description": ATTACK, "characters": 3},
    }  # fmt: skip
    made = Export(make_network("labels"), False, NAME, SamplingConfig(), ATTACK, facts)
    (content,) = make_files(made).values()
    path = tmp_path / "page.html"
    path.write_bytes(content)
    visit = Visit(browser, path)
    shown = ATTACK.replace("\u2028", "⟨U+2028⟩").replace("\ud800", "⟨U+D800⟩")
    assert visit.page.locator("h1").inner_text() == f"{shown}: {shown}"
    assert visit.page.title() == f"{NAME} – {shown}: {shown}".replace("\u202e", "⟨U+202E⟩")
    assert visit.page.locator("script").count() == 2
    assert visit.page.locator("img").count() == 0
    assert visit.page.evaluate("charloop.ready.then((one) => one.tables.prompt)") == ATTACK
    assert visit.complaints == []
    visit.page.context.close()


def test_probabilities_of_a_prompt_add_up(visit: Any) -> None:
    page = visit()
    found = page.evaluate("charloop.next('ab').then((all) => all.map((one) => one.probability))")
    assert np.sum(found) == pytest.approx(1)
