// The playground: sends the question, shows what is tried for it and the answer as it comes, then figures and receipt.
import { byId, el, toast } from "./dom.js";
import { number } from "./figures.js";

const form = byId("ask");
const text = byId("answer-text");
const error = byId("answer-error");
const usage = byId("usage");
const thought = byId("answer-thought");
const ladder = form.querySelector("[data-ladder-fields]");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  event.stopPropagation();
  ask().catch(() => refuse({ message: "The connection was lost.", advice: "If the job had begun it is in your activity, settled or refunded." }));
});

form.addEventListener("change", chosen);
chosen();

// A model without a ladder answers once; what a right answer is worth counts only where it is weighed.
function chosen() {
  const has = form.model.selectedOptions[0]?.hasAttribute("data-ladder") ?? false;
  ladder.hidden = ladder.disabled = !has;
  ladder.querySelector('[data-field="worth"]').hidden = form.compute.value !== "auto";
}

async function ask() {
  start();
  try {
    const response = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } });
    const type = response.headers.get("content-type") ?? "";
    if (!type.includes("json")) refuse({ message: "Your session has ended.", advice: "Load the page again and sign in." });
    else for await (const line of lines(response)) show(line);
  } finally {
    byId("answer-text").setAttribute("aria-busy", "false");
    form.querySelector("[data-ask]").disabled = false;
  }
}

async function* lines(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    rest += value ?? "";
    const complete = rest.split("\n");
    rest = complete.pop();
    for (const line of complete) if (line) yield JSON.parse(line);
    if (done) return;
  }
}

function start() {
  form.querySelector("[data-ask]").disabled = true;
  text.textContent = "";
  text.setAttribute("aria-busy", "true");
  byId("answer-empty").hidden = true;
  error.hidden = true;
  usage.hidden = true;
  thought.hidden = true;
  thought.querySelector("[data-thought]").textContent = "";
  byId("tranches").replaceWith(el("div", { id: "tranches", class: "tranches", hidden: "" }));
  byId("receipt").replaceChildren();
  state("Reserving compute…", "running");
}

function show(line) {
  if (line.type === "job") state("Waiting for the provider…", "running");
  else if (line.type === "ladder") {
    state("Trying the first rung…", "running");
    window.htmx.ajax("GET", line.tranches, { target: "#tranches", swap: "outerHTML" });
  } else if (line.type === "text") {
    text.append(line.text);
    thought.querySelector("[data-thought]").append(line.thought ?? "");
    thought.hidden = thought.hidden && !line.thought;
    state(line.output_tokens ? `Streaming, ${number(line.output_tokens)} tokens` : "Streaming", "running");
  } else if (line.type === "done") finish(line);
  else refuse(line);
}

function finish(line) {
  state("Settled", "settled");
  const figures = {
    tokens: `${number(line.prompt_tokens)} in, ${number(line.output_tokens)} out`,
    compute: `${number(line.compute_ucu)} of ${number(line.quote_ucu)} µCU`,
    cost: line.cost_usd,
    finish: { stop: "the model", length: "the token limit" }[line.finish_reason] ?? line.finish_reason,
  };
  for (const [name, value] of Object.entries(figures)) usage.querySelector(`[data-usage="${name}"]`).textContent = value;
  usage.hidden = false;
  window.htmx.ajax("GET", `/receipts/${line.job_id}`, { target: "#receipt", swap: "innerHTML" });
  form.dispatchEvent(new Event("input", { bubbles: true })); // what is undrawn has changed
}

function refuse(line) {
  state("Not answered", "refunded");
  error.querySelector("[data-message]").textContent = line.message;
  error.querySelector("[data-advice]").textContent = line.advice ?? "";
  const page = error.querySelector("[data-page]");
  page.parentElement.hidden = !line.page;
  if (line.page) page.href = line.page;
  error.hidden = false;
}

function state(words, kind) {
  const badge = byId("answer-state");
  badge.textContent = words;
  badge.className = `badge ${kind}`;
}

document.body.addEventListener("htmx:responseError", () => toast("The quote could not be read. Load the page again."));
