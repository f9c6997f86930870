"use strict";

/* The sample browser: filters, the list, and the texts of two arms side by side. What a model wrote goes into the page as
   text nodes alone. */

const SEARCH_DELAY_MS = 200;
const SHOWN_OF_QUESTION = 300; // characters in a row of the list

/** Control and direction characters, which could hide or turn round what is written; a replacement is as long. */
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const printable = (text) => text.replace(UNSEEN, "\ufffd");

const $ = (id) => document.getElementById(id);

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

const words = (name) => name.replaceAll("_", " ");

class Browser {
  constructor(samples) {
    this.samples = samples;
    this.sides = [0, samples.header.arms.length > 1 ? samples.header.rival : NONE];
    this.searched = { query: "", found: null };
    this.turn = 0;
    this.list = new VirtualList($("list"), {
      draw: (element, row) => this.#drawOption(element, row),
      choose: (row) => this.#show(row),
    });
    this.#fillFilters();
    this.refresh();
  }

  // filters

  #fillFilters() {
    const { arms, tasks, temperatures, statuses, categories } = this.samples.header;
    const lists = { arm: arms, task: tasks, temperature: temperatures.map((t) => `T = ${t}`), status: statuses.map(words), category: categories };
    for (const [name, values] of Object.entries(lists)) {
      const select = $(`filter-${name}`);
      values.forEach((value, code) => select.append(new Option(printable(value), String(code))));
      select.closest("label").hidden = values.length < 2;
      select.addEventListener("change", () => this.refresh());
    }
    this.#fillSides(arms);
    $("search").addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.refresh(), SEARCH_DELAY_MS);
    });
    $("reset").addEventListener("click", () => this.#reset(lists));
  }

  #fillSides(arms) {
    const alone = arms.length < 2;
    for (const [side, id] of [[0, "side-a"], [1, "side-b"]]) {
      const select = $(id);
      arms.forEach((arm, code) => select.append(new Option(printable(arm), String(code))));
      if (!alone) select.value = String(this.sides[side]);
      select.closest("label").hidden = alone;
      select.addEventListener("change", () => {
        this.sides[side] = Number(select.value);
        this.#nameFlips();
        this.refresh();
      });
    }
    if (!alone) this.#nameFlips();
    $("filter-flips").closest("label").hidden = alone;
    $("filter-flips").addEventListener("change", () => this.refresh());
  }

  #nameFlips() {
    const [a, b] = this.sides.map((side) => printable(this.samples.header.arms[side]));
    const [, won, lost] = $("filter-flips").options;
    won.textContent = `only ${b} solves`;
    lost.textContent = `only ${a} solves`;
  }

  #reset(lists) {
    for (const name of Object.keys(lists)) $(`filter-${name}`).value = "";
    $("filter-flips").value = "";
    $("search").value = "";
    this.refresh();
  }

  /** The rows that pass, anew. Only the last call counts, if another came while the texts were searched. */
  async refresh() {
    const turn = (this.turn += 1);
    const found = await this.#found($("search").value.trim(), () => turn !== this.turn);
    if (turn !== this.turn) return;
    const wanted = {};
    for (const name of ["arm", "task", "temperature", "status", "category"]) {
      if ($(`filter-${name}`).value !== "") wanted[name] = Number($(`filter-${name}`).value);
    }
    const flips = $("filter-flips").value;
    const [a, b] = this.sides;
    const flipped = flips === "" ? null : flips === "won" ? this.samples.flips(b, a) : this.samples.flips(a, b);
    let rows = this.samples.select(wanted, flipped, found);
    const pairs = flipped !== null;
    if (pairs) rows = this.samples.onePerCell(rows, flips === "won" ? b : a);
    this.list.show(rows);
    $("count").textContent = this.#count(rows.length, pairs);
    $("empty").hidden = rows.length > 0;
    document.body.dataset.shows = this.searched.query; // for who waits for a search to end
  }

  #count(n, pairs) {
    const shown = n.toLocaleString("en");
    if (pairs) return `${shown} question${n === 1 ? "" : "s"}`;
    return `${shown} of ${this.samples.size.toLocaleString("en")} samples`;
  }

  async #found(query, stale) {
    if (query === this.searched.query) return this.searched.found;
    const progress = (share) => ($("count").textContent = `searching … ${Math.round(100 * share)} %`);
    const found = query === "" ? null : await this.samples.texts.matches(query, stale, progress);
    if (query === "" || found !== null) this.searched = { query, found };
    return found;
  }

  // the list

  #drawOption(element, row) {
    const { header, texts, of } = this.samples;
    const question = this.samples.question(row);
    const text = texts.now(of.question.question[question]);
    if (text === undefined) this.#fetch(of.question.question[question]);
    const first = make("div", "option-head");
    first.append(
      this.#status(row),
      make("span", "option-id", printable(`${header.tasks[of.question.task[question]]} ${header.ids[question]}`)),
      make("span", "option-arm", printable([header.arms[of.sample.arm[row]], ...this.#draw(row)].join(" · "))),
    );
    element.append(first, make("div", "option-text", printable((text ?? "…").slice(0, SHOWN_OF_QUESTION))));
  }

  /** How the sample was drawn: its seed where it has one, temperature, and index where there are several. */
  #draw(row) {
    const { header, of } = this.samples;
    const temperature = header.temperatures[of.cell.temperature[of.sample.cell[row]]];
    const seed = of.sample.seed[row];
    return [...(seed === NONE ? [] : [`seed ${seed}`]), `T ${temperature}`, ...(temperature > 0 ? [`#${of.sample.sample[row]}`] : [])];
  }

  /** Unpacks the block of a text, then draws the list once for all that were waiting. */
  #fetch(place) {
    this.waiting ??= new Set();
    const number = this.samples.texts.blockOf(place);
    if (this.waiting.has(number)) return;
    this.waiting.add(number);
    this.samples.texts.block(number).then(() => {
      this.waiting.delete(number);
      this.list.redraw();
    });
  }

  #status(row) {
    const status = this.samples.header.statuses[this.samples.of.sample.status[row]];
    return make("span", `status ${status === "correct" ? "is-right" : "is-wrong"}`, words(status));
  }

  // the chosen question

  async #show(row) {
    const { header, texts, of } = this.samples;
    const cell = of.sample.cell[row];
    const question = this.samples.question(row);
    const turn = (this.shown = { row });
    const [text, gold] = await Promise.all([
      texts.at(of.question.question[question]),
      texts.at(of.question.gold[question]),
    ]);
    if (this.shown !== turn) return;
    const temperature = header.temperatures[of.cell.temperature[cell]];
    const labels = [["categories", "category"], ["difficulties", "difficulty"]]
      .map(([names, column]) => header[names][of.question[column][question]])
      .filter((value) => value !== undefined);
    const facts = [`${header.tasks[of.question.task[question]]} ${header.ids[question]}`, `T = ${temperature}`, ...labels];
    const head = make("header");
    head.append(make("p", "facts", printable(facts.join(" · "))), make("p", "question", printable(text)), this.#gold(gold));
    const columns = make("div", "columns");
    columns.append(...this.#armsBeside(row).map((arm) => this.#column(cell, arm, row)));
    $("detail").replaceChildren(head, columns);
    $("detail").hidden = false;
    document.body.dataset.chosen = "yes";
  }

  #gold(gold) {
    const line = make("p", "gold", "Gold answer ");
    line.append(make("b", "", printable(gold)));
    return line;
  }

  /** The arms of the two columns: the two sides, or the row's own beside the first. */
  #armsBeside(row) {
    const arm = this.samples.of.sample.arm[row];
    const [a, b] = this.sides;
    if (b === NONE || a === b) return arm === a ? [a] : [a, arm];
    return arm === a || arm === b ? [a, b] : [a, arm];
  }

  /** One arm's samples of the question, one at a time; the chosen row first where it is among them. */
  #column(cell, arm, chosen) {
    const rows = this.samples.rowsOf(cell, arm);
    const column = make("article", "column");
    const bar = make("div", "column-bar");
    const body = make("div", "column-body");
    bar.append(make("h4", "", printable(this.samples.header.arms[arm])));
    column.append(bar, body);
    if (rows.length === 0) {
      body.append(make("p", "muted", "This arm has no sample of the question at this temperature."));
      return column;
    }
    let at = Math.max(0, rows.indexOf(chosen));
    const right = rows.filter((row) => this.samples.isCorrect(row)).length;
    const place = make("span", "muted");
    const step = (by) => {
      at = (at + by + rows.length) % rows.length;
      place.textContent = rows.length > 1 ? `${at + 1} of ${rows.length}, ${right} right` : "";
      this.#fillSample(body, rows[at]);
    };
    if (rows.length > 1) {
      const steps = make("span", "steps");
      steps.append(this.#stepper("‹", "previous sample", () => step(-1)), place, this.#stepper("›", "next sample", () => step(1)));
      bar.append(steps);
    }
    step(0);
    return column;
  }

  #stepper(sign, label, action) {
    const button = make("button", "stepper", sign);
    button.type = "button";
    button.setAttribute("aria-label", label);
    button.addEventListener("click", action);
    return button;
  }

  async #fillSample(body, row) {
    const { header, texts, of } = this.samples;
    body.dataset.row = String(row);
    const [completion, extracted, reason, marks] = await Promise.all([
      texts.at(of.sample.completion[row]),
      texts.at(of.sample.extracted[row]),
      texts.at(of.sample.reason[row]),
      this.samples.marks(),
    ]);
    if (body.dataset.row !== String(row)) return;
    const tokens = of.sample.tokens[row];
    const facts = [
      ...this.#draw(row),
      ...(tokens === NONE ? [] : [`${tokens} tokens`]),
      ...(header.finishes[of.sample.finish[row]] === "length" ? ["cut at the limit"] : []),
    ];
    const verdict = make("p", "verdict");
    verdict.append(this.#status(row), make("span", "", extracted ? ` ${printable(extracted)}` : " no answer found"));
    if (reason) verdict.append(make("span", "muted", ` · ${printable(reason)}`));
    const pieces = marks[of.sample.completion[row]];
    body.replaceChildren(verdict, make("p", "facts", facts.join(" · ")), this.#solution(completion, pieces));
    this.#highlight();
  }

  /** The completion; with `pieces` its statements are followed by what became of them. */
  #solution(completion, pieces) {
    const text = make("pre", "solution");
    text.tabIndex = 0;
    if (!pieces) {
      text.textContent = printable(completion);
      return text;
    }
    let start = 0;
    for (const [length, kind, note] of pieces) {
      const words = printable(completion.slice(start, start + length));
      start += length;
      const piece = make("span", kind, words);
      if (note) piece.append(make("span", "note", ` [${note}]`));
      text.append(piece);
    }
    return text;
  }

  /** Marks what was searched for in the texts shown, where the browser can do so without touching them. */
  #highlight() {
    if (!CSS.highlights) return;
    CSS.highlights.delete("found");
    const query = this.searched.query.toLowerCase();
    if (!query) return;
    const ranges = [];
    const walker = document.createTreeWalker($("detail"), NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode.data.toLowerCase();
      for (let at = text.indexOf(query); at >= 0 && ranges.length < 500; at = text.indexOf(query, at + query.length)) {
        if (at + query.length > walker.currentNode.data.length) break;
        const range = new Range();
        range.setStart(walker.currentNode, at);
        range.setEnd(walker.currentNode, at + query.length);
        ranges.push(range);
      }
    }
    CSS.highlights.set("found", new Highlight(...ranges));
  }
}

async function begin() {
  if (!$("data-header")) return;
  if (!("DecompressionStream" in window)) {
    $("count").textContent = "This browser is too old to unpack the samples (it lacks DecompressionStream).";
    return;
  }
  new Browser(await Samples.open());
}

begin();
