// The order ticket: hints beside the fields, a fresh preview when something changes, prices from the book.
import { byId } from "./dom.js";
import { cu, parsed, usdPerCu } from "./figures.js";

export class Ticket {
  constructor(terms) {
    this.terms = terms;
    this.panel = byId("ticket");
    if (!this.form) return;
    this.panel.addEventListener("input", () => this.changed());
    this.panel.addEventListener("keydown", (event) => this.step(event));
    document.body.addEventListener("htmx:afterSwap", (event) => { if (event.detail.target === this.panel) this.dress(); });
    for (const id of ["asks", "bids"]) byId(id).addEventListener("click", (event) => this.pick(event));
    this.dress();
  }

  get form() {
    return this.panel?.querySelector("form.order");
  }

  // Takes the price of a book row; what else was typed stays.
  pick(event) {
    const row = event.target.closest("tr[data-price]");
    if (!row) return;
    event.preventDefault();
    const { type, price_ticks: price } = this.form.elements;
    type.value = "limit";
    price.value = row.dataset.price;
    this.changed();
    price.focus({ preventScroll: matchMedia("(min-width: 1100px)").matches });
  }

  // Arrow keys go one tick or lot up and down, with Shift ten.
  step(event) {
    const size = { ArrowUp: 1n, ArrowDown: -1n }[event.key];
    if (!size || !["price_ticks", "quantity_lots"].includes(event.target.name)) return;
    event.preventDefault();
    const next = (parsed(event.target.value) ?? 0n) + size * (event.shiftKey ? 10n : 1n);
    event.target.value = String(next < 1n ? 1n : next);
    this.changed();
  }

  changed() {
    this.dress();
    this.form.dispatchEvent(new CustomEvent("preview"));
  }

  dress() {
    const { side, type, tif, quantity_lots: quantity, price_ticks: price } = this.form.elements;
    const isMarket = type.value === "market";
    this.form.classList.toggle("is-market", isMarket);
    price.readOnly = isMarket;
    for (const option of tif.options) option.disabled = isMarket && !["IOC", "FOK"].includes(option.value);
    if (isMarket && tif.selectedOptions[0]?.disabled !== false) tif.value = "IOC";
    const submit = this.form.querySelector(".submit");
    submit.classList.toggle("sell", side.value === "sell");
    submit.classList.toggle("buy", side.value !== "sell");
    submit.querySelector("[data-side-word]").textContent = side.value;
    const lots = parsed(quantity.value);
    const ticks = parsed(price.value);
    this.hint("quantity", lots === null ? "" : `= ${cu(lots * this.terms.lotUcu)} CU`);
    this.hint("price", ticks === null || isMarket ? "" : `= ${usdPerCu(this.terms, ticks)} / CU`);
  }

  hint(name, text) {
    this.form.querySelector(`[data-hint="${name}"]`).textContent = text;
  }
}
