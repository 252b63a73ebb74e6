// The market page: the book and the tape as they change, the ticket, and one's own account.
import { Auction } from "./auction.js";
import { renderBook } from "./book.js";
import { Candles } from "./candles.js";
import { Depth } from "./depth.js";
import { byId, toast } from "./dom.js";
import { LiveBook } from "./livebook.js";
import { Stream } from "./stream.js";
import { Tape } from "./tape.js";
import { Ticket } from "./ticket.js";

const PHASES = {
  pre_open: "Pre Open", continuous: "Continuous", auction: "Auction", no_cancel: "No Cancel",
  cancel_only: "Cancel Only", halted: "Halted", closed: "Closed",
};
const DEPTH = 20;
const GATHER_MS = 100;

const main = byId("content");
const terms = { lotUcu: BigInt(main.dataset.lotUcu), tickNanoUsd: BigInt(main.dataset.tickNanoUsd) };
const depth = new Depth(terms);
const tape = new Tape(main, terms);
const candles = new Candles(main, terms);
const auction = new Auction(terms);
new Ticket(terms);
let book = null;
let frame = 0;

const stream = new Stream(`/v1/stream/market/${encodeURIComponent(main.dataset.market)}`, {
  snapshot(view) {
    if (book) candles.load();
    book = new LiveBook(view);
    tape.show(view.trades, true);
    frame ||= requestAnimationFrame(draw);
  },
  delta(change) {
    book.change(change);
    if (!book.isSound) return stream.restart();
    candles.add(change.trades);
    tape.show(change.trades.toReversed(), false);
    if (change.busts?.length) {
      tape.bust(change.busts);
      candles.load();
    }
    frame ||= requestAnimationFrame(draw);
  },
}, state);

// Once a frame, however many events came.
function draw() {
  frame = 0;
  const { phase } = book;
  const shown = { bids: book.bids.slice(0, DEPTH), asks: book.asks.slice(0, DEPTH) };
  renderBook(terms, shown);
  depth.show(shown);
  auction.show(book.auction);
  const badge = byId("phase");
  badge.textContent = PHASES[phase] ?? phase;
  badge.className = `badge ${phase}`;
}

function state(isLive) {
  const live = byId("live");
  live.className = `live ${isLive ? "on" : "off"}`;
  live.textContent = isLive ? "Live" : "Reconnecting…";
}

if ("signedIn" in main.dataset) {
  let due = 0;
  const refresh = () => document.body.dispatchEvent(new CustomEvent("account"));
  const soon = () => { due ||= setTimeout(() => { due = 0; refresh(); }, GATHER_MS); };
  new Stream("/v1/stream/account", { order: soon, wallet: soon });
  document.body.addEventListener("htmx:responseError", (event) => {
    const { status } = event.detail.xhr;
    toast(status === 404 ? "That order is not open any more." : `This did not work (${status}). Nothing was done twice; try again.`);
    if (status === 404) refresh();
  });
  document.body.addEventListener("htmx:sendError", () => toast("The exchange cannot be reached. Check the connection and try again."));
}
