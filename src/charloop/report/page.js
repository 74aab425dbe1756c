"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  if (!data.text) return;

  const bytes = (packed) => Uint8Array.from(atob(packed), (one) => one.charCodeAt(0));
  const pairs = (packed) => {
    const view = new DataView(bytes(packed).buffer);
    return Uint16Array.from({ length: view.byteLength / 2 }, (_, position) => view.getUint16(2 * position, true));
  };
  const signed = (packed) => new Int8Array(bytes(packed).buffer);

  const text = pairs(data.text);
  const [ITSELF, SYMBOL, NAME] = [0, 1, 2];

  // A space has a dot, another blank its symbol; a character that a page cannot hold is its symbol.
  const kind = (character) => (!character[ITSELF] ? "odd" : character[ITSELF] === " " ? "space" : character[NAME] ? "blank" : "");
  const element = (name, style, content) => {
    const made = document.createElement(name);
    if (style) made.className = style;
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
      this.positions = new Map();
      this.spans = Array.from(text, (number, position) => this.span(data.symbols[number], position));
      this.kinds = this.spans.map((span) => span.className);
      home.replaceChildren(...this.spans);
      home.addEventListener("pointerover", (event) => this.pointed(event, false));
      home.addEventListener("click", (event) => this.pointed(event, true));
      home.addEventListener("pointerleave", () => this.show(this.pinned));
      home.addEventListener("keydown", (event) => this.key(event));
    }

    span(character, position) {
      const span = element("span", kind(character), character[ITSELF] || character[SYMBOL]);
      if (span.className === "blank") span.dataset.symbol = character[SYMBOL];
      this.positions.set(span, position);
      return span;
    }

    paint(levels, prefix, marked) {
      this.spans.forEach((span, position) => {
        span.className = `${this.kinds[position]} ${prefix}${levels[position]}${marked && marked(position) ? " marked" : ""}`;
      });
      this.spans[this.pinned].classList.add("chosen");
    }

    pointed(event, pin) {
      const position = this.positions.get(event.target);
      if (position === undefined) return;
      if (pin) this.pin(position);
      else this.show(position);
    }

    pin(position) {
      this.spans[this.pinned].classList.remove("chosen");
      this.pinned = position;
      this.spans[position].classList.add("chosen");
      this.show(position);
    }

    show(position) {
      this.choose(position);
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
      for (let position = this.pinned + way; position >= 0 && position < this.spans.length; position += way) {
        const span = this.spans[position];
        if (Math.abs(span.offsetTop - here.offsetTop) < 4) continue;
        if (row === null) {
          row = span.offsetTop;
          best = position;
        }
        if (Math.abs(span.offsetTop - row) >= 4) break;
        if (Math.abs(middle(span) - aim) < Math.abs(middle(this.spans[best]) - aim)) best = position;
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

    const row = (position, number, chance) => {
      const character = data.symbols[number];
      const item = element("li", number === text[position] ? "came" : "");
      const name = element("b", "", character[SYMBOL]);
      if (character[NAME]) name.append(element("small", "", character[NAME]));
      const track = element("span");
      const bar = element("div", "bar");
      bar.style.width = `${100 * chance}%`;
      track.append(bar);
      item.append(name, track, element("span", "", percent(chance)));
      return item;
    };

    const describe = (position) => {
      const character = data.symbols[text[position]];
      const context = element("p", "context");
      for (let one = Math.max(0, position - 18); one < position; one += 1) context.append(data.symbols[text[one]][SYMBOL]);
      context.append(element("mark", "", character[SYMBOL]));
      if (position === 0) {
        panel.replaceChildren(context, element("p", "", "The first character is not predicted, because nothing comes before it."));
        return;
      }
      const cost = bits[position] / 1000;
      const called = character[NAME] ? `${character[SYMBOL]} (${character[NAME]})` : character[SYMBOL];
      const came = element("p", "", `${called} cost ${cost.toFixed(2)} bits: a chance of ${percent(2 ** -cost)}.`);
      const list = element("ol");
      const from = position * data.top;
      for (let rank = from; rank < from + data.top; rank += 1) list.append(row(position, likeliest[rank], chances[rank] / 65535));
      // The actual character is listed too if it was not expected. Several bytes can make one character: then it is not.
      if (data.thing !== "byte" && !list.querySelector(".came")) list.append(row(position, text[position], 2 ** -cost));
      const lead = data.thing === "byte" ? "Expected next byte:" : "Expected:";
      panel.replaceChildren(context, came, element("p", "hint", lead), list);
    };

    const map = new TextMap(home, describe);
    map.paint(Array.from(bits, (one) => data.levels.filter((level) => one / 1000 >= level).length), "s");
    map.pin(bits.reduce((best, one, position) => (one > bits[best] && position < 400 ? position : best), 0));
  };

  const atlas = () => {
    const home = document.getElementById("unit-text");
    if (!home || !data.units || !data.units.length) return;
    const buttons = [...document.querySelectorAll("button[data-unit]")];
    const articles = [...document.querySelectorAll("article[data-unit]")];
    const legend = document.getElementById("unit-legend");
    const valueLine = document.getElementById("unit-value");
    const read = new Map();
    let current = 0;

    const unit = (number) => {
      if (!read.has(number)) {
        const packed = data.units[number];
        read.set(number, { values: signed(packed.values), marks: packed.marks && bytes(packed.marks) });
      }
      return read.get(number);
    };
    const value = (position) => {
      const { low, high } = data.units[current];
      return (low + high) / 2 + ((high - low) / 2) * (unit(current).values[position] / 100);
    };
    let pointed = false;
    const describe = (position) => {
      if (!pointed) return;
      const character = data.symbols[text[position]];
      valueLine.textContent = `After ${character[SYMBOL]}${character[NAME] ? ` (${character[NAME]})` : ""}: ${value(position).toFixed(2)}`;
    };
    const map = new TextMap(home, describe);
    ["pointerover", "keydown"].forEach((kind) => home.addEventListener(kind, () => (pointed = true), { capture: true }));

    const show = (number) => {
      current = number;
      const { values, marks } = unit(number);
      const marked = marks && ((position) => (marks[position >> 3] >> (position & 7)) & 1);
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

  // The same text twice: the cost of each character with the trained weights, and while the network learns.
  const learned = () => {
    const homes = ["static", "dynamic"].map((name) => document.getElementById(`${name}-text`));
    if (!homes[0] || !data.learned) return;
    const costs = data.learned.map(pairs);
    const line = document.getElementById("learned-value");
    const describe = (position) => {
      const character = data.symbols[text[position]];
      const [fixed, learning] = costs.map((bits) => (bits[position] / 1000).toFixed(2));
      const called = character[NAME] ? `${character[SYMBOL]} (${character[NAME]})` : character[SYMBOL];
      line.textContent = position ? `${called} cost ${fixed} bits with the trained weights, ${learning} while it learns.` : "The first character is not predicted.";
    };
    homes.forEach((home, number) => {
      const map = new TextMap(home, describe);
      map.paint(Array.from(costs[number], (one) => data.levels.filter((level) => one / 1000 >= level).length), "s");
      home.addEventListener("scroll", () => (homes[1 - number].scrollTop = home.scrollTop));
    });
    line.textContent = "Point at a character, tap it, or move with the arrow keys.";
  };

  surprise();
  learned();
  atlas();
})();
