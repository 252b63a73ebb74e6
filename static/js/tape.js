// Recent trades, the last price and the day's volume.
import { byId, el } from "./dom.js";
import { number, usdPerCu } from "./figures.js";

const SHOWN = 30;

export class Tape {
  constructor(main, terms) {
    this.terms = terms;
    this.seen = Number(main.dataset.seq);
    this.volume = Number(main.dataset.volumeLots);
  }

  // Trades newest first. A snapshot replaces the rows; an update adds to them.
  show(trades, isSnapshot) {
    const fresh = trades.filter((trade) => trade.seq > this.seen);
    const body = byId("tape");
    if (fresh.length) body.querySelector(".empty-row")?.remove();
    const isNew = new Set(fresh);
    if (isSnapshot && trades.length) body.replaceChildren(...trades.slice(0, SHOWN).map((trade) => this.row(trade, isNew.has(trade))));
    else body.prepend(...fresh.map((trade) => this.row(trade, true)));
    while (body.rows.length > SHOWN) body.rows[SHOWN].remove();
    if (fresh.length) this.count(fresh);
  }

  count(fresh) {
    this.seen = fresh[0].seq;
    const printed = fresh.filter(isPrinted);
    this.volume += printed.reduce((sum, trade) => sum + trade.quantity_lots, 0);
    byId("volume").textContent = number(this.volume);
    if (!printed.length) return;
    const last = printed[0].price_ticks;
    const move = last - Number(byId("tape").rows[1]?.dataset.ticks ?? last);
    byId("last").className = `last ${move > 0 ? "up" : move < 0 ? "down" : "same"}`;
    byId("last-usd").textContent = usdPerCu(this.terms, last);
    byId("last-ticks").textContent = `${number(last)} ticks`;
  }

  // Trades that were undone stay on the tape, struck through, and leave the volume.
  bust(trades) {
    for (const trade of trades) {
      if (isPrinted({ ...trade, is_busted: false })) this.volume -= trade.quantity_lots;
      byId("tape").querySelector(`[data-seq="${trade.seq}"]`)?.classList.add("busted");
    }
    byId("volume").textContent = number(this.volume);
  }

  row(trade, isFresh) {
    const isBuy = trade.taker_side === "buy";
    const price = el(
      "td",
      { class: isBuy ? "up" : "down" },
      el("span", { "aria-hidden": "true" }, isBuy ? "▲" : "▼"),
      ` ${usdPerCu(this.terms, trade.price_ticks)}`,
      el("span", { class: "hide" }, ` ${trade.taker_side}`),
      ...marks(trade).map((words) => el("small", { class: "mark" }, ` ${words}`)),
    );
    const time = el("time", { datetime: trade.executed_at }, trade.executed_at.slice(11, 19));
    return el(
      "tr",
      {
        "data-ticks": trade.price_ticks,
        "data-seq": trade.seq,
        class: `${isFresh ? "flash" : ""} ${trade.is_busted ? "busted" : ""}`.trim(),
      },
      price,
      el("td", { class: "n" }, number(trade.price_ticks)),
      el("td", { class: "n" }, number(trade.quantity_lots)),
      el("td", { class: "n" }, time),
    );
  }
}

// Why a trade is on the tape and makes no price.
function marks(trade) {
  const flags = [
    [trade.is_self, "with itself"],
    [trade.is_selective, "chosen provider"],
    [trade.is_resale, "resale"],
    [trade.is_busted, "busted"],
  ];
  const words = flags.filter(([flag]) => flag).map(([, words]) => words);
  return words.length ? [words.join(", ")] : [];
}

// Prices and volume count printed trades only.
export function isPrinted(trade) {
  return !(trade.is_self || trade.is_selective || trade.is_resale || trade.is_busted);
}
