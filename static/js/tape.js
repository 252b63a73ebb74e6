// Recent trades, the last price and the day's volume.
import { byId, el } from "./dom.js";
import { number } from "./figures.js";

const SHOWN = 30;

export class Tape {
  constructor(main) {
    this.seen = Number(main.dataset.seq);
    this.volume = Number(main.dataset.volumeLots);
  }

  // A snapshot replaces the rows; an update adds to them.
  show(trades, isSnapshot) {
    const fresh = trades.filter((trade) => trade.seq > this.seen);
    const body = byId("tape");
    if (fresh.length) body.querySelector(".empty-row")?.remove();
    const isNew = new Set(fresh);
    if (isSnapshot && trades.length) body.replaceChildren(...trades.slice(0, SHOWN).map((trade) => tradeRow(trade, isNew.has(trade))));
    else body.prepend(...fresh.map((trade) => tradeRow(trade, true)));
    while (body.rows.length > SHOWN) body.rows[SHOWN].remove();
    if (fresh.length) this.count(fresh, trades);
  }

  count(fresh, trades) {
    this.seen = fresh[0].seq;
    this.volume += fresh.reduce((sum, trade) => sum + trade.quantity_lots, 0);
    byId("volume").textContent = number(this.volume);
    const last = trades[0];
    const earlier = byId("tape").rows[1]?.dataset.ticks ?? last.price_ticks;
    const move = last.price_ticks - Number(earlier);
    byId("last").className = `last ${move > 0 ? "up" : move < 0 ? "down" : "same"}`;
    byId("last-usd").textContent = `$${last.usd_per_cu}`;
    byId("last-ticks").textContent = `${number(last.price_ticks)} ticks`;
  }
}

function tradeRow(trade, isFresh) {
  const isBuy = trade.taker_side === "buy";
  const price = el(
    "td",
    { class: isBuy ? "up" : "down" },
    el("span", { "aria-hidden": "true" }, isBuy ? "▲" : "▼"),
    ` $${trade.usd_per_cu}`,
    el("span", { class: "hide" }, ` ${trade.taker_side}`),
  );
  const time = el("time", { datetime: trade.executed_at }, trade.executed_at.slice(11, 19));
  return el(
    "tr",
    { "data-ticks": trade.price_ticks, ...(isFresh ? { class: "flash" } : {}) },
    price,
    el("td", { class: "n" }, number(trade.price_ticks)),
    el("td", { class: "n" }, number(trade.quantity_lots)),
    el("td", { class: "n" }, time),
  );
}
