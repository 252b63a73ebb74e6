// The ladder: asks above, bids below, the best of each next to the spread.
import { byId, el, svg } from "./dom.js";
import { number, usdPerCu } from "./figures.js";

const DEPTH = 12;

export function totals(levels) {
  let total = 0;
  return levels.map(([ticks, lots]) => ({ ticks, lots, total: (total += lots) }));
}

export function renderBook(terms, book) {
  const asks = totals(book.asks.slice(0, DEPTH));
  const bids = totals(book.bids.slice(0, DEPTH));
  const deepest = Math.max(asks.at(-1)?.total ?? 0, bids.at(-1)?.total ?? 0, 1);
  replaceRows(byId("asks"), terms, asks.reverse(), deepest, "Nobody is selling now.");
  replaceRows(byId("bids"), terms, bids, deepest, "Nobody is buying now.");
  renderSpread(terms, book);
}

function replaceRows(body, terms, levels, deepest, nothing) {
  const before = new Map([...body.rows].map((row) => [row.dataset.price, row.dataset.lots]));
  const focused = document.activeElement?.closest("tr")?.dataset.price;
  const rows = levels.map((level) => levelRow(terms, level, deepest, before));
  body.replaceChildren(...(rows.length ? rows : [emptyRow(nothing)]));
  if (focused && !document.activeElement?.closest("tr")) {
    body.querySelector(`tr[data-price="${focused}"] a`)?.focus();
  }
}

function levelRow(terms, { ticks, lots, total }, deepest, before) {
  const width = `${Math.floor((100 * total) / deepest)}%`;
  const bar = svg("svg", { class: "bar", "aria-hidden": "true", focusable: "false" }, svg("rect", { width, height: "100%" }));
  const price = el("a", { class: "price", href: `?price_ticks=${ticks}#ticket` }, usdPerCu(terms, ticks));
  const known = before.get(String(ticks));
  const changed = before.size > 0 && known !== undefined ? known !== String(lots) && known !== "" : before.size > 0;
  return el(
    "tr",
    { "data-price": ticks, "data-lots": lots, ...(changed ? { class: "flash" } : {}) },
    el("td", {}, bar, price),
    ...[ticks, lots, total].map((value) => el("td", { class: "n" }, number(value))),
  );
}

function emptyRow(text) {
  return el("tr", { class: "empty-row" }, el("td", { colspan: "4" }, text));
}

function renderSpread(terms, book) {
  const ticks = book.asks.length && book.bids.length ? book.asks[0][0] - book.bids[0][0] : 0;
  const known = ticks > 0; // bids and asks may cross while an auction gathers them
  byId("book-spread").textContent = known ? `Spread ${usdPerCu(terms, ticks)} · ${number(ticks)} ticks` : "No spread";
  byId("spread").replaceChildren(...(known ? [`${usdPerCu(terms, ticks)} `, el("small", {}, `${number(ticks)} ticks`)] : ["–"]));
}
