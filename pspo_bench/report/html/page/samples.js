"use strict";

/* The samples of the page: columns of integers that are unpacked at once, and blocks of texts that are unpacked when one of
   them is shown or searched. Nothing here touches what is shown. */

const NONE = -1;
const KEPT_BLOCKS = 256; // of a quarter of a megabyte of text each

/** The bytes behind the base64 of gzip in the element `id`. */
async function unpack(id) {
  const packed = document.getElementById(id).textContent.trim();
  const bytes = Uint8Array.fromBase64
    ? Uint8Array.fromBase64(packed)
    : Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

async function unpackJson(id) {
  return JSON.parse(new TextDecoder().decode(await unpack(id)));
}

/** Lets the page answer whatever came in meanwhile. */
const pause = () => new Promise((resolve) => setTimeout(resolve));

/** The texts by their place, in blocks; the blocks used last are kept. */
class Texts {
  constructor({ starts, count }) {
    this.starts = starts;
    this.count = count;
    this.blocks = new Map();
  }

  blockOf(place) {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle] <= place) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The strings of a block: a promise, the same one while the block is kept. */
  block(number) {
    const known = this.blocks.get(number);
    this.blocks.delete(number);
    const found = known ?? { strings: null, promise: null };
    found.promise ??= unpackJson(`data-texts-${number}`).then((strings) => (found.strings = strings));
    this.blocks.set(number, found);
    if (this.blocks.size > KEPT_BLOCKS) this.blocks.delete(this.blocks.keys().next().value);
    return found.promise;
  }

  /** The text at a place; "" for none. */
  async at(place) {
    if (place === NONE) return "";
    const number = this.blockOf(place);
    return (await this.block(number))[place - this.starts[number]];
  }

  /** The text at a place if its block is unpacked, else undefined. */
  now(place) {
    if (place === NONE) return "";
    const number = this.blockOf(place);
    return this.blocks.get(number)?.strings?.[place - this.starts[number]];
  }

  /** Which texts hold `query`, whatever its case, as 0 or 1 by place; null once `stale()`. Gives way every few milliseconds. */
  async matches(query, stale, progress) {
    const pattern = new RegExp(query.replace(/[.*+?^${}()|[\]\\\/-]/g, "\\$&"), "i");
    const found = new Uint8Array(this.count);
    let began = performance.now();
    for (let number = 0; number < this.starts.length; number += 1) {
      const strings = await this.block(number);
      for (let i = 0; i < strings.length; i += 1) {
        if (performance.now() - began > 12) {
          progress(number / this.starts.length);
          await pause();
          began = performance.now();
        }
        if (stale()) return null;
        if (pattern.test(strings[i])) found[this.starts[number] + i] = 1;
      }
    }
    return found;
  }
}

/** All samples: `of.sample`, `of.cell` and `of.question` hold one Int32Array a column; a cell is a question at a temperature. */
class Samples {
  constructor(header, buffer) {
    this.header = header;
    this.size = header.sizes.samples;
    this.of = {};
    let offset = 0;
    for (const [table, name] of [["samples", "sample"], ["cells", "cell"], ["questions", "question"]]) {
      this.of[name] = {};
      for (const column of header.columns[table]) {
        this.of[name][column] = new Int32Array(buffer, offset, header.sizes[table]);
        offset += 4 * header.sizes[table];
      }
    }
    this.texts = new Texts(header.texts);
    this.correct = header.statuses.indexOf("correct");
    this.byCell = this.#byCell();
  }

  static async open() {
    const header = JSON.parse(document.getElementById("data-header").textContent);
    return new Samples(header, await unpack("data-columns"));
  }

  /** The pieces of the completions whose arithmetic was marked, by place of the text. */
  marks() {
    this.markings ??= unpackJson("data-marks");
    return this.markings;
  }

  isCorrect(row) {
    return this.of.sample.status[row] === this.correct;
  }

  question(row) {
    return this.of.cell.question[this.of.sample.cell[row]];
  }

  /** The samples of an arm in a cell, in their order. */
  rowsOf(cell, arm) {
    const { starts, rows } = this.byCell;
    return Array.from(rows.subarray(starts[cell], starts[cell + 1])).filter((row) => this.of.sample.arm[row] === arm);
  }

  /** Rows sorted by cell: those of cell c are rows[starts[c]] to rows[starts[c + 1] - 1]. */
  #byCell() {
    const cells = this.of.sample.cell;
    const starts = new Int32Array(this.header.sizes.cells + 1);
    for (const cell of cells) starts[cell + 1] += 1;
    for (let cell = 0; cell < starts.length - 1; cell += 1) starts[cell + 1] += starts[cell];
    const next = starts.slice();
    const rows = new Int32Array(this.size);
    for (let row = 0; row < this.size; row += 1) rows[next[cells[row]]++] = row;
    return { starts, rows };
  }

  /** By cell: 1 where more than half of the arm's samples are right, 0 where not, NONE where it has none. */
  solved(arm) {
    const right = new Int32Array(this.header.sizes.cells);
    const asked = new Int32Array(this.header.sizes.cells);
    const { arm: arms, cell: cells } = this.of.sample;
    for (let row = 0; row < this.size; row += 1) {
      if (arms[row] !== arm) continue;
      asked[cells[row]] += 1;
      if (this.isCorrect(row)) right[cells[row]] += 1;
    }
    return asked.map((n, cell) => (n === 0 ? NONE : Number(2 * right[cell] > n)));
  }

  /** The cells that `winner` solves and `loser` does not, as 0 or 1 by cell. */
  flips(winner, loser) {
    const lost = this.solved(loser);
    return this.solved(winner).map((solved, cell) => Number(solved === 1 && lost[cell] === 0));
  }

  /** The rows that pass. `wanted`: code by column (task, category, temperature, arm, status), absent for any;
      `flipped` and `found`: what `flips` and `Texts.matches` gave, or null. */
  select(wanted, flipped, found) {
    const { sample, cell: cells, question: questions } = this.of;
    const any = (code, value) => code === undefined || code === value;
    const passes = new Uint8Array(this.header.sizes.cells);
    for (let cell = 0; cell < passes.length; cell += 1) {
      const question = cells.question[cell];
      passes[cell] = Number(
        (!flipped || flipped[cell] === 1) &&
          any(wanted.temperature, cells.temperature[cell]) &&
          any(wanted.task, questions.task[question]) &&
          any(wanted.category, questions.category[question]),
      );
    }
    const rows = [];
    for (let row = 0; row < this.size; row += 1) {
      const ok =
        passes[sample.cell[row]] === 1 &&
        any(wanted.arm, sample.arm[row]) &&
        any(wanted.status, sample.status[row]) &&
        (!found || this.#holds(found, row));
      if (ok) rows.push(row);
    }
    return rows;
  }

  #holds(found, row) {
    const { completion, extracted } = this.of.sample;
    const question = this.question(row);
    return (
      found[completion[row]] === 1 ||
      found[extracted[row]] === 1 || // NONE is no place, and gives undefined
      found[this.of.question.question[question]] === 1 ||
      found[this.of.question.gold[question]] === 1
    );
  }

  /** One row for each cell: the first of `arm` where it has one among `rows`. */
  onePerCell(rows, arm) {
    const first = new Map();
    for (const row of rows) {
      const cell = this.of.sample.cell[row];
      const kept = first.get(cell);
      if (kept === undefined || (this.of.sample.arm[kept] !== arm && this.of.sample.arm[row] === arm)) first.set(cell, row);
    }
    return Array.from(first.values());
  }
}
