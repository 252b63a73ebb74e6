// The pages about money: what hangs on the balance is asked for again when it has moved.
import { toast } from "./dom.js";
import { Stream } from "./stream.js";

const GATHER_MS = 200;
let due = 0;
const soon = () => {
  due ||= setTimeout(() => { due = 0; document.body.dispatchEvent(new CustomEvent("account")); }, GATHER_MS);
};

new Stream("/v1/stream/account", { order: soon, wallet: soon });
document.body.addEventListener("htmx:sendError", () => toast("The exchange cannot be reached. Check the connection and try again."));

// A form goes once: what was pressed twice would be done once anyway, but a code is good only once.
addEventListener("submit", (event) => setTimeout(() => { if (event.submitter) event.submitter.disabled = true; }));
addEventListener("pageshow", () => document.querySelectorAll("button:disabled").forEach((button) => { button.disabled = false; }));
