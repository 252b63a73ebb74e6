// A call auction as it goes: the price it would have now, how much would trade, what is left over, and when.
import { byId } from "./dom.js";
import { number, usdPerCu } from "./figures.js";

const STATES = { input: "Input", no_cancel: "No cancelling", random_close: "Random close" };

export class Auction {
  constructor(terms) {
    this.terms = terms;
    this.news = null;
    setInterval(() => this.count(), 250);
  }

  show(news) {
    this.news = news;
    const isOn = news !== null && news.state !== "done";
    byId("auction").hidden = !isOn;
    if (!isOn) return;
    const { price_ticks: ticks, volume_lots: lots, surplus_lots: surplus } = news;
    byId("auction-state").textContent = STATES[news.state] ?? news.state;
    byId("auction-price").textContent = ticks === null ? "–" : usdPerCu(this.terms, ticks);
    byId("auction-ticks").textContent = ticks === null ? "nothing would trade" : `${number(ticks)} ticks`;
    byId("auction-volume").textContent = number(lots);
    byId("auction-surplus").textContent = surplus ? `${number(Math.abs(surplus))} lots more ${surplus > 0 ? "▲ bid" : "▼ asked"}` : "none";
    this.count();
  }

  count() {
    if (!this.news || byId("auction").hidden) return;
    const isInput = this.news.state === "input";
    const until = Date.parse(isInput ? this.news.no_cancel_at : this.news.closes_by);
    const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    byId("auction-next").textContent = isInput ? "Cancelling ends in" : "Closes within";
    byId("auction-left").textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  }
}
