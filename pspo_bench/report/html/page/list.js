"use strict";

/* A list of any length of which only the rows in sight are elements: a listbox for the keyboard and for screen readers. */

const ROW_HEIGHT = 62; // as in the style sheet
const SPARE_ROWS = 6; // drawn above and below what is in sight
const MAX_HEIGHT = 8_000_000; // browsers lay out nothing much taller

class VirtualList {
  /** `draw(element, item)` fills an option; `choose(item)` is told what was chosen. */
  constructor(box, { draw, choose }) {
    this.box = box;
    this.draw = draw;
    this.choose = choose;
    this.items = [];
    this.at = -1;
    this.elements = new Map();
    this.track = document.createElement("div");
    this.track.className = "track";
    this.track.setAttribute("role", "presentation");
    box.replaceChildren(this.track);
    box.addEventListener("scroll", () => this.#draw(), { passive: true });
    box.addEventListener("keydown", (event) => this.#key(event));
    box.addEventListener("click", (event) => this.#click(event));
    new ResizeObserver(() => this.#draw()).observe(box);
  }

  show(items) {
    this.items = items;
    this.at = -1;
    this.box.scrollTop = 0;
    this.box.removeAttribute("aria-activedescendant");
    this.height = Math.min(items.length * ROW_HEIGHT, MAX_HEIGHT);
    this.track.style.height = `${this.height}px`;
    this.redraw();
  }

  /** Draws what is in sight anew, as after a text came in. */
  redraw() {
    for (const element of this.elements.values()) element.remove();
    this.elements.clear();
    this.#draw();
  }

  /** Chooses the item at `index`, and brings it into sight. */
  select(index) {
    if (index < 0 || index >= this.items.length) return;
    this.at = index;
    const top = this.#top(index) ;
    const { scrollTop, clientHeight } = this.box;
    if (top < scrollTop) this.box.scrollTop = top;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight) this.box.scrollTop = top + ROW_HEIGHT - clientHeight;
    this.redraw();
    this.box.setAttribute("aria-activedescendant", `option-${index}`);
    this.choose(this.items[index]);
  }

  #top(index) {
    const last = this.items.length - 1;
    return last < 1 ? 0 : (index / last) * (this.height - ROW_HEIGHT);
  }

  #draw() {
    const { scrollTop, clientHeight } = this.box;
    const last = this.items.length - 1;
    const room = Math.max(1, this.height - ROW_HEIGHT);
    const first = Math.floor((scrollTop / room) * last) - SPARE_ROWS;
    const end = first + Math.ceil(clientHeight / ROW_HEIGHT) + 2 * SPARE_ROWS;
    const wanted = new Set();
    for (let i = Math.max(0, first); i <= Math.min(last, end); i += 1) wanted.add(i);
    for (const [index, element] of this.elements) {
      if (wanted.has(index)) continue;
      element.remove();
      this.elements.delete(index);
    }
    for (const index of wanted) if (!this.elements.has(index)) this.#add(index);
  }

  #add(index) {
    const element = document.createElement("div");
    element.className = "option";
    element.id = `option-${index}`;
    element.setAttribute("role", "option");
    element.setAttribute("aria-selected", String(index === this.at));
    element.setAttribute("aria-setsize", String(this.items.length));
    element.setAttribute("aria-posinset", String(index + 1));
    element.dataset.index = String(index);
    element.style.transform = `translateY(${this.#top(index)}px)`;
    this.draw(element, this.items[index]);
    this.elements.set(index, element);
    this.track.append(element);
  }

  #click(event) {
    const option = event.target.closest(".option");
    if (option) this.select(Number(option.dataset.index));
  }

  #key(event) {
    const page = Math.max(1, Math.floor(this.box.clientHeight / ROW_HEIGHT) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.select(Math.max(0, Math.min(this.items.length - 1, this.at + steps[event.key])));
  }
}
