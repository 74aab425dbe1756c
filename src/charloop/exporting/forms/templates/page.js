const find = (id) => document.getElementById(id);
const MANY = 8; // choices that are shown
const MARKED = 64; // tokens between two states that are kept
const MOST = 20; // characters that a message names

const element = (name, style, content) => {
  const made = document.createElement(name);
  if (style) made.className = style;
  if (content !== undefined) made.textContent = content;
  return made;
};
const percent = (chance) => (chance < 0.001 ? "<0.1 %" : `${(100 * chance).toFixed(chance < 0.0995 ? 1 : 0)} %`);
const count = (number) => number.toLocaleString("en");
const hexadecimal = (code, width) => code.toString(16).toUpperCase().padStart(width, "0");

// A visible symbol for a character: for blanks, and for those that are invisible or would reverse the text around them.
const BLANKS = { " ": "␣", "\n": "↵", "\t": "⇥" };
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
function showCharacter(character) {
  if (character in BLANKS) return BLANKS[character];
  if (INVISIBLE.test(character) || /^\s$/u.test(character)) return `U+${hexadecimal(character.codePointAt(0), 4)}`;
  return /^\p{M}/u.test(character) ? `◌${character}` : character;
}
const NAMES = { "␣": "space", "↵": "new line", "⇥": "tab" };
const speak = (shown) => NAMES[shown] ?? shown;

function showToken(network, { token, symbol }) {
  const { tables } = network;
  if (symbol !== null) return showCharacter(symbol);
  if (token === tables.end) return "end";
  if (token === tables.unknown) return "unknown";
  return tables.unit === "byte" && token < 256 ? `\\x${hexadecimal(token, 2).toLowerCase()}` : "label";
}

// A text whose characters can be chosen, by pointer or keys, to see what the network expected there.
class TextMap {
  constructor(network, home, explain) {
    Object.assign(this, { network, home, explain });
    this.clear([]);
    // Not pointerover: that happens, too, when keys scroll the text under a pointer at rest.
    home.addEventListener("pointermove", ({ target }) => this.places.get(target) !== this.chosen && this.choose(this.places.get(target), false));
    home.addEventListener("click", (event) => this.choose(this.places.get(event.target), false));
    home.addEventListener("keydown", (event) => this.key(event));
    home.addEventListener("focus", () => this.spans.length && this.chosen === undefined && home.matches(":focus-visible") && this.choose(0, true));
  }

  // `before` are the tokens that are read before the text.
  clear(before) {
    this.stream = [...before];
    this.marks = [{ read: 0, state: this.network.begin() }];
    this.places = new Map();
    this.spans = [];
    this.units = [];
    this.chosen = undefined;
    this.home.replaceChildren();
  }

  add(text, tokens, style) {
    const odd = text !== "\n" && text !== "\t" && INVISIBLE.test(text);
    const span = element("span", `${style ?? ""}${odd ? " odd" : ""}`, odd ? showCharacter(text) : text);
    this.places.set(span, this.spans.length);
    this.spans.push(span);
    this.units.push({ text, tokens, read: this.stream.length });
    this.stream.push(...tokens);
    this.home.append(span);
    return span;
  }

  // Reads `tokens` before whatever follows, which begins a new document.
  divide(tokens) {
    this.stream.push(...tokens);
    this.home.append(element("span", "break"));
  }

  // The logits after the first `size` tokens.
  async read(size, signal) {
    const { read, state } = this.marks.findLast((mark) => mark.read < size), marks = this.marks, now = this.network.copy(state);
    let logits;
    for (let place = read; place < size; ) {
      const until = Math.min(size, place + MARKED);
      logits = await this.network.read(this.stream.slice(place, until), now, signal);
      place = until;
      if (place - marks.at(-1).read >= MARKED) marks.push({ read: place, state: this.network.copy(now) });
    }
    return logits;
  }

  choose(place, aloud) {
    if (place === undefined) return;
    this.spans[this.chosen]?.classList.remove("chosen");
    this.spans[place].classList.add("chosen");
    this.chosen = place;
    this.explain(this, place, aloud);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.spans.length) return;
    const here = this.chosen ?? 0, last = this.spans.length - 1;
    const goals = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: last };
    if (event.key === "ArrowUp" || event.key === "ArrowDown") goals[event.key] = this.findInLine(here, event.key === "ArrowUp" ? -1 : 1);
    if (!(event.key in goals)) return;
    event.preventDefault();
    const place = Math.min(Math.max(goals[event.key], 0), last);
    this.choose(place, true);
    this.spans[place].scrollIntoView({ block: "nearest" });
  }

  // The character above (-1) or below (1) another one.
  findInLine(here, way) {
    const middle = (place) => this.spans[place].getBoundingClientRect();
    const from = middle(here);
    let best = here, line = null;
    for (let place = here + way; this.spans[place]; place += way) {
      const at = middle(place);
      if (Math.abs(at.top - from.top) < from.height / 2) continue;
      line ??= at.top;
      if (Math.abs(at.top - line) > from.height / 2) break;
      if (best === here || Math.abs(at.left - from.left) < Math.abs(middle(best).left - from.left)) best = place;
    }
    return best;
  }
}

// The panel of what may come next; what is asked last is shown.
class Panel {
  constructor(network) {
    this.network = network;
    this.asked = new AbortController();
  }

  async show(before, came, aloud, compute) {
    this.asked.abort();
    const { signal } = (this.asked = new AbortController());
    const logits = await ignoringAbort(compute(signal));
    if (!logits || signal.aborted) return;
    const ranked = this.network.rank(logits), shown = ranked.slice(0, MANY);
    const found = came === undefined ? undefined : ranked.find((one) => one.token === came);
    if (found && !shown.includes(found)) shown[MANY - 1] = found;
    find("context").textContent = before ? `after “${before}”` : "at the beginning";
    find("choices").replaceChildren(...shown.map((one) => this.item(one, one === found)));
    if (aloud) find("spoken").textContent = this.describe(ranked, found);
  }

  item(one, isFound) {
    const made = element("li", isFound ? "came" : ""), bar = element("i");
    bar.style.width = `${100 * one.probability}%`;
    made.append(element("b", "", showToken(this.network, one)), element("small", "", percent(one.probability)), bar);
    return made;
  }

  describe(ranked, found) {
    const say = (one) => `${speak(showToken(this.network, one))} ${percent(one.probability)}`;
    const bits = found ? `${say(found)}, ${(-Math.log2(found.probability)).toFixed(1)} bits. ` : "";
    return `${bits}Expected: ${ranked.slice(0, 3).map(say).join(", ")}.`;
  }
}

// What a task that was called off returns: nothing.
const ignoringAbort = (task) => task.catch((error) => { if (error.name !== "AbortError") throw error; });
const showContext = (text) => {
  const shown = Array.from(text, showCharacter);
  return `${shown.length > 12 ? "…" : ""}${shown.slice(-12).join("").replaceAll("␣", " ")}`;
};

class Page {
  constructor(network) {
    this.network = network;
    this.panel = new Panel(network);
    const explain = (map, place, aloud) => this.explain(map, place, aloud);
    this.written = new TextMap(network, find("written"), explain);
    this.scored = new TextMap(network, find("surprises"), explain);
    this.listen();
  }

  listen() {
    find("form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.running) this.running.abort();
      else this.write();
    });
    find("another").addEventListener("click", () => this.write(true));
    find("temperature").addEventListener("input", showDegree);
    const prompt = find("prompt");
    for (const kind of ["input", "focus", "click", "keyup", "select"]) prompt.addEventListener(kind, () => this.explainPrompt());
    prompt.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) find("form").requestSubmit();
    });
    find("label").addEventListener("change", () => this.explainPrompt());
    find("pasted").addEventListener("input", () => this.score(find("pasted").value));
  }

  // What the form says; a seed that is left out is drawn.
  options() {
    const value = (id) => Number(find(id).value);
    const seed = find("seed").value === "" ? Math.floor(Math.random() * 2 ** 31) : value("seed");
    return { length: value("length"), temperature: value("temperature"), topK: value("top_k"), topP: value("top_p"), seed, label: this.label() };
  }

  label() {
    return this.network.labels[find("label").selectedIndex];
  }

  // Writes what the form says; `another`: as one more document after those that are there.
  // With a seed, each has the next one.
  async write(another = false) {
    this.running?.abort();
    if (!find("form").checkValidity()) find("more").open = true;
    if (!find("form").reportValidity()) return;
    const { network } = this, how = this.options(), prompt = find("prompt").value, tokens = this.encodePrompt(prompt);
    if (!tokens) return;
    const running = (this.running = new AbortController());
    const read = network.prepend(tokens, how.label), before = read.slice(0, read.length - tokens.length);
    if (another) this.written.divide(before);
    else this.written.clear(before);
    this.documents = another ? this.documents + 1 : 0;
    how.seed += find("seed").value === "" ? 0 : this.documents;
    for (const character of prompt) this.written.add(character, network.encode(character), "given");
    this.show(true);
    const began = performance.now(), written = await ignoringAbort(this.stream(prompt, { ...how, signal: running.signal }));
    if (this.running !== running) return;
    this.running = null;
    const rate = Math.round((1000 * this.count) / Math.max(1, performance.now() - began));
    const thing = this.count === 1 ? "character" : "characters";
    find("status").textContent = `${written ? "Wrote" : "Stopped after"} ${count(this.count)} ${thing}, ${count(rate)} a second. Seed ${how.seed}.`;
    this.show(false);
  }

  async stream(prompt, how) {
    const decode = this.network.decoder();
    let tokens = [];
    this.count = 0;
    for await (const token of this.network.writeTokens(prompt, how)) {
      const piece = decode(token);
      tokens.push(token);
      this.count++;
      if (!piece) continue;
      this.addPiece(piece, tokens);
      tokens = [];
    }
    const rest = decode(null);
    if (rest) this.addPiece(rest, tokens);
    return true;
  }

  // A byte may complete a character and reveal that some before it were none: the last one gets all tokens.
  addPiece(piece, tokens) {
    const characters = Array.from(piece);
    characters.forEach((one, place) => this.written.add(one, place === characters.length - 1 ? tokens : []));
  }

  show(isWriting) {
    find("go").textContent = isWriting ? "Stop" : "Write";
    find("another").disabled = isWriting;
    find("written").setAttribute("aria-busy", isWriting);
    if (isWriting) find("status").textContent = "Writing…";
  }

  // The tokens of the prompt; undefined, and why is shown, if there is a character that the network does not know.
  encodePrompt(prompt) {
    const wrong = find("wrong"), unknown = findUnknown(this.network, prompt);
    wrong.hidden = !unknown.length;
    find("prompt").setAttribute("aria-invalid", unknown.length > 0);
    if (!unknown.length) return this.network.encode(prompt);
    wrong.textContent = `The network does not know ${listCharacters(unknown)}: its training text had no such character.`;
  }

  explainPrompt() {
    const prompt = find("prompt"), before = prompt.value.slice(0, prompt.selectionStart);
    const tokens = this.encodePrompt(prompt.value) && this.network.encode(before);
    if (!tokens || document.activeElement !== prompt) return;
    const read = this.network.prepend(tokens, this.label());
    this.panel.show(showContext(before), undefined, false, (signal) => this.network.read(read, this.network.begin(), signal));
  }

  explain(map, place, aloud) {
    const { read, tokens } = map.units[place];
    const before = map.units.slice(Math.max(0, place - 20), place).map((one) => one.text).join("");
    if (read > 0 && tokens.length) this.panel.show(showContext(before), tokens[0], aloud, (signal) => map.read(read, signal));
  }

  // Colours a text by its surprise, as soon as no key has been pressed for a while.
  async score(text) {
    this.scoring?.abort();
    const { signal } = (this.scoring = new AbortController()), { network, scored } = this;
    await new Promise((resolve) => setTimeout(resolve, 150));
    if (signal.aborted) return;
    scored.clear(network.prepend([], this.label()));
    for (const id of ["surprises", "legend"]) find(id).hidden = !text;
    find("bits").textContent = "";
    const left = findUnknown(network, text), lacking = new Set(left);
    for (const character of text) {
      if (performance.now() > restAt) await rest();
      if (signal.aborted) return;
      const unknown = lacking.has(character);
      scored.add(character, unknown ? [] : network.encode(character), unknown ? "unknown" : character === "\n" ? "mark" : "");
    }
    const total = await ignoringAbort(this.colour(scored, signal));
    if (total !== undefined && text) find("bits").textContent = this.summarize(scored, total, left);
  }

  async colour(map, signal) {
    const bits = this.network.measure(map.units.flatMap((unit) => unit.tokens), { label: this.label(), signal });
    let total = 0;
    for (const [place, { tokens }] of map.units.entries()) {
      let sum = 0;
      for (const _ of tokens) sum += (await bits.next()).value;
      total += sum;
      if (tokens.length) map.spans[place].classList.add(`s${Math.max(0, LEVELS.findLastIndex((level) => level <= sum))}`);
    }
    return total;
  }

  summarize(map, total, left) {
    const known = map.units.filter((unit) => unit.tokens.length).length;
    const mean = known ? `${(total / known).toFixed(3)} bits per character over ${count(known)}.` : "";
    return left.length ? `${mean} Left out, as the network does not know them: ${listCharacters(left)}` : mean;
  }
}

const listCharacters = (all) => {
  const more = all.length > MOST ? ` and ${count(all.length - MOST)} more` : "";
  return all.slice(0, MOST).map(showCharacter).join(" ") + more;
};

function findUnknown(network, text) {
  if (network.tables.unit === "byte" || network.tables.unknown !== null) return [];
  return [...new Set(text)].filter((character) => !network.ids.has(character));
}

function showDegree() {
  find("degree").textContent = Number(find("temperature").value).toFixed(2);
}

// Returns whether a field takes a value. A slider would move to the nearest one that is allowed.
function fill(field, value) {
  field.value = value;
  if (field.type === "textarea") return true;
  return field.checkValidity() && Number(field.value) === Number(value) && (field.value === "") === (value === "");
}

// Fills the form with the settings of the file, and then with those of the address, such as ?prompt=The&temperature=0.5.
function fillForm(network) {
  const { tables } = network, asked = new URLSearchParams(location.search);
  find("label").append(...network.labels.map((label) => element("option", "", label === "" ? "(none)" : Array.from(label, (one) => (INVISIBLE.test(one) ? showCharacter(one) : one)).join(""))));
  const usual = tables.opening.at(-1) - network.firstLabel(), chosen = network.labels.indexOf(asked.get("label"));
  find("label").selectedIndex = chosen < 0 ? usual : chosen;
  find("label-row").hidden = !network.labels.length;
  find("another").hidden = tables.end === null;
  for (const id of ["prompt", "temperature", "length", "top_k", "top_p", "seed"]) {
    const field = find(id), wanted = asked.get(id);
    // What the file says is allowed; but a page holds no text of any length.
    const before = id === "length" ? Math.min(tables.length, field.max) : tables[id] ?? "";
    if (before < Number(field.min)) field.min = before;
    if (before > Number(field.max)) field.max = before;
    for (const step of field.type === "range" ? [field.step, "any"] : [field.step]) {
      field.step = step;
      if (fill(field, wanted ?? before)) break;
      fill(field, before);
    }
  }
  showDegree();
}

async function open() {
  const data = JSON.parse(find("data").textContent), network = await loadNetwork(data);
  fillForm(network);
  const page = new Page(network);
  find("engine").textContent = network.engine;
  for (const id of ["go", "another"]) find(id).disabled = false;
  find("status").textContent = "Ready.";
  page.write();
  return network;
}

// For programs in this page, and in others that embed it.
const ready = open();
window.charloop = {
  ready,
  write: async function* (prompt, options) { yield* (await ready).write(prompt, options); },
  next: async (text, options) => (await ready).next(text, options),
  score: async (text, options) => (await ready).score(text, options),
};
ready.catch((error) => { find("status").textContent = `The network cannot be loaded: ${error.message}`; });
