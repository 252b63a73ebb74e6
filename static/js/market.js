// The market page: the book and the tape as they change, the ticket, and one's own account.
import { renderBook } from "./book.js";
import { Depth } from "./depth.js";
import { byId, toast } from "./dom.js";
import { Stream } from "./stream.js";
import { Tape } from "./tape.js";
import { Ticket } from "./ticket.js";

const PHASES = { continuous: "Continuous", auction: "Auction", cancel_only: "Cancel Only", halted: "Halted" };

const main = byId("content");
const terms = { lotUcu: BigInt(main.dataset.lotUcu), tickNanoUsd: BigInt(main.dataset.tickNanoUsd) };
const depth = new Depth(terms);
const tape = new Tape(main);
new Ticket(terms);

function show(view, isSnapshot) {
  renderBook(terms, view.book);
  depth.show(view.book);
  tape.show(view.trades, isSnapshot);
  const phase = byId("phase");
  phase.textContent = PHASES[view.book.phase] ?? view.book.phase;
  phase.className = `badge ${view.book.phase}`;
}

function state(isLive) {
  const live = byId("live");
  live.className = `live ${isLive ? "on" : "off"}`;
  live.textContent = isLive ? "Live" : "Reconnecting…";
}

new Stream(`/v1/stream/market/${encodeURIComponent(main.dataset.market)}`, {
  onSnapshot: (view) => show(view, true),
  onUpdate: (view) => show(view, false),
  onState: state,
});

if ("signedIn" in main.dataset) {
  const refresh = () => document.body.dispatchEvent(new CustomEvent("account"));
  new Stream("/v1/stream/account", { onSnapshot: () => {}, onUpdate: refresh });
  document.body.addEventListener("htmx:responseError", (event) => {
    const { status } = event.detail.xhr;
    toast(status === 404 ? "That order is not open any more." : `This did not work (${status}). Nothing was done twice; try again.`);
    if (status === 404) refresh();
  });
  document.body.addEventListener("htmx:sendError", () => toast("The exchange cannot be reached. Check the connection and try again."));
}
