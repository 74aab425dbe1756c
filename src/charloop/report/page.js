"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  if (!data.text) return;

  const bytes = (packed) => Uint8Array.from(atob(packed), (one) => one.charCodeAt(0));
  const pairs = (packed) => {
    const view = new DataView(bytes(packed).buffer);
    return Uint16Array.from({ length: view.byteLength / 2 }, (_, place) => view.getUint16(2 * place, true));
  };
  const signed = (packed) => new Int8Array(bytes(packed).buffer);

  const text = pairs(data.text);
  const [AS_IS, SIGN, SPOKEN] = [0, 1, 2];
  const WHITE = { " ": "space", "\n": "newline", "\t": "tab" };

  const element = (name, kind, content) => {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    if (content !== undefined) made.textContent = content;
    return made;
  };
  const percent = (chance) => (chance > 0 && chance < 0.0001 ? "<0.01 %" : `${(100 * chance).toFixed(chance < 0.0995 ? 2 : 1)} %`);

  // A text in which each character has a colour, and one is chosen by pointer or keys.
  class TextMap {
    constructor(home, choose) {
      this.home = home;
      this.choose = choose;
      this.pinned = 0;
      this.places = new Map();
      this.spans = Array.from(text, (number, place) => this.span(data.signs[number], place));
      this.kinds = this.spans.map((span) => span.className);
      home.replaceChildren(...this.spans);
      home.addEventListener("pointerover", (event) => this.pointed(event, false));
      home.addEventListener("click", (event) => this.pointed(event, true));
      home.addEventListener("pointerleave", () => this.show(this.pinned));
      home.addEventListener("keydown", (event) => this.key(event));
    }

    span(sign, place) {
      const span = element("span", WHITE[sign[AS_IS]] || (sign[AS_IS] ? "" : "odd"), sign[AS_IS] || sign[SIGN]);
      this.places.set(span, place);
      return span;
    }

    paint(levels, prefix, marked) {
      this.spans.forEach((span, place) => {
        span.className = `${this.kinds[place]} ${prefix}${levels[place]}${marked && marked(place) ? " marked" : ""}`;
      });
      this.spans[this.pinned].classList.add("chosen");
    }

    pointed(event, pin) {
      const place = this.places.get(event.target);
      if (place === undefined) return;
      if (pin) this.pin(place);
      else this.show(place);
    }

    pin(place) {
      this.spans[this.pinned].classList.remove("chosen");
      this.pinned = place;
      this.spans[place].classList.add("chosen");
      this.show(place);
    }

    show(place) {
      this.choose(place);
    }

    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const last = this.spans.length - 1;
      const ways = {
        ArrowLeft: () => this.pinned - 1,
        ArrowRight: () => this.pinned + 1,
        ArrowUp: () => this.line(-1),
        ArrowDown: () => this.line(1),
        Home: () => 0,
        End: () => last,
      };
      if (!ways[event.key]) return;
      event.preventDefault();
      this.pin(Math.min(last, Math.max(0, ways[event.key]())));
      this.inSight();
    }

    // The character above or below the chosen one.
    line(way) {
      const middle = (span) => span.offsetLeft + span.offsetWidth / 2;
      const here = this.spans[this.pinned];
      const aim = middle(here);
      let best = this.pinned;
      let row = null;
      for (let place = this.pinned + way; place >= 0 && place < this.spans.length; place += way) {
        const span = this.spans[place];
        if (Math.abs(span.offsetTop - here.offsetTop) < 4) continue;
        if (row === null) {
          row = span.offsetTop;
          best = place;
        }
        if (Math.abs(span.offsetTop - row) >= 4) break;
        if (Math.abs(middle(span) - aim) < Math.abs(middle(this.spans[best]) - aim)) best = place;
      }
      return best;
    }

    inSight() {
      const box = this.home.getBoundingClientRect();
      const own = this.spans[this.pinned].getBoundingClientRect();
      if (own.top < box.top + 8) this.home.scrollTop -= box.top + 8 - own.top;
      if (own.bottom > box.bottom - 8) this.home.scrollTop += own.bottom - box.bottom + 8;
    }
  }

  const surprise = () => {
    const home = document.getElementById("surprise-text");
    if (!home || !data.bits) return;
    const bits = pairs(data.bits);
    const likeliest = pairs(data.likeliest);
    const chances = pairs(data.chances);
    const panel = document.getElementById("expected");

    const row = (place, number, chance) => {
      const sign = data.signs[number];
      const item = element("li", number === text[place] ? "came" : "");
      const name = element("b", "", sign[SIGN]);
      if (sign[SPOKEN]) name.append(element("small", "", sign[SPOKEN]));
      const track = element("span");
      const bar = element("div", "bar");
      bar.style.width = `${100 * chance}%`;
      track.append(bar);
      item.append(name, track, element("span", "", percent(chance)));
      return item;
    };

    const describe = (place) => {
      const sign = data.signs[text[place]];
      const context = element("p", "context");
      for (let one = Math.max(0, place - 18); one < place; one += 1) context.append(data.signs[text[one]][SIGN]);
      context.append(element("mark", "", sign[SIGN]));
      if (place === 0) {
        panel.replaceChildren(context, element("p", "", "Nothing came before the first character, so it was not predicted."));
        return;
      }
      const cost = bits[place] / 1000;
      const called = sign[SPOKEN] ? `${sign[SIGN]} (${sign[SPOKEN]})` : sign[SIGN];
      const came = element("p", "", `${called} cost ${cost.toFixed(2)} bits: a chance of ${percent(2 ** -cost)}.`);
      const list = element("ol");
      const from = place * data.top;
      for (let rank = from; rank < from + data.top; rank += 1) list.append(row(place, likeliest[rank], chances[rank] / 65535));
      // What came is seen beside what was expected, if it was not; of bytes several make one.
      if (data.thing !== "byte" && !list.querySelector(".came")) list.append(row(place, text[place], 2 ** -cost));
      const lead = data.thing === "byte" ? "Expected next byte:" : "Expected:";
      panel.replaceChildren(context, came, element("p", "hint", lead), list);
    };

    const map = new TextMap(home, describe);
    map.paint(Array.from(bits, (one) => data.levels.filter((level) => one / 1000 >= level).length), "s");
    map.pin(bits.reduce((best, one, place) => (one > bits[best] && place < 400 ? place : best), 0));
  };

  const atlas = () => {
    const home = document.getElementById("unit-text");
    if (!home || !data.units || !data.units.length) return;
    const buttons = [...document.querySelectorAll("button[data-unit]")];
    const articles = [...document.querySelectorAll("article[data-unit]")];
    const legend = document.getElementById("unit-legend");
    const told = document.getElementById("unit-value");
    const read = new Map();
    let current = 0;

    const unit = (number) => {
      if (!read.has(number)) {
        const packed = data.units[number];
        read.set(number, { values: signed(packed.values), marks: packed.marks && bytes(packed.marks) });
      }
      return read.get(number);
    };
    const value = (place) => {
      const { low, high } = data.units[current];
      return (low + high) / 2 + ((high - low) / 2) * (unit(current).values[place] / 100);
    };
    let pointed = false;
    const describe = (place) => {
      if (!pointed) return;
      const sign = data.signs[text[place]];
      told.textContent = `After ${sign[SIGN]}${sign[SPOKEN] ? ` (${sign[SPOKEN]})` : ""}: ${value(place).toFixed(2)}`;
    };
    const map = new TextMap(home, describe);
    ["pointerover", "keydown"].forEach((kind) => home.addEventListener(kind, () => (pointed = true), { capture: true }));

    const show = (number) => {
      current = number;
      const { values, marks } = unit(number);
      const marked = marks && ((place) => (marks[place >> 3] >> (place & 7)) & 1);
      map.paint(Array.from(values, (one) => Math.round(one / 25) + 4), "u", marked);
      buttons.forEach((button) => button.setAttribute("aria-pressed", String(Number(button.dataset.unit) === number)));
      articles.forEach((article) => (article.hidden = Number(article.dataset.unit) !== number));
      const run = element("span", "run");
      for (let level = 0; level < 9; level += 1) run.append(element("i", `u${level}`));
      const { low, high } = data.units[number];
      legend.replaceChildren(element("span", "", `low, ${low.toFixed(2)}`), run, element("span", "", `high, ${high.toFixed(2)}`));
      if (marks) legend.append(element("span", "", "underlined: the mark"));
      describe(map.pinned);
    };
    buttons.forEach((button) => button.addEventListener("click", () => show(Number(button.dataset.unit))));
    show(0);
  };

  surprise();
  atlas();
})();
