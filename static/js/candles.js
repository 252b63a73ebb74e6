// Prices over time on a canvas, with a table of the same figures for who cannot see it.
import { byId, el } from "./dom.js";
import { number, usdPerCu } from "./figures.js";
import { colour, line, penFor, redrawn, roundStep } from "./pen.js";
import { isPrinted } from "./tape.js";

const SECONDS = { "1m": 60, "5m": 300, "15m": 900, "1h": 3_600, "4h": 14_400, "1d": 86_400 };
const HEIGHT = 260;
const AXIS = 22;
const VOLUME = 46;
const PITCH = 9;
const MOST = 160;
const ROLL_MS = 5_000;
const IN_TABLE = 12;

export class Candles {
  constructor(main, terms) {
    this.terms = terms;
    this.path = `/v1/instruments/${encodeURIComponent(main.dataset.market)}/candles`;
    this.canvas = byId("candles");
    this.rows = [];
    this.buttons = [...byId("intervals").querySelectorAll("button")];
    for (const button of this.buttons) button.addEventListener("click", () => this.choose(button.value));
    redrawn(this.canvas, () => this.draw());
    setInterval(() => this.roll(), ROLL_MS);
    this.choose("1m");
  }

  choose(interval) {
    this.interval = interval;
    this.step = SECONDS[interval];
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.value === interval));
    this.load();
  }

  // Reads everything anew: at the beginning, for another interval, and when the stream began anew.
  async load() {
    const asked = this.interval;
    const start = new Date(Date.now() - MOST * this.step * 1000).toISOString();
    const answer = await fetch(`${this.path}?interval=${asked}&start=${start}`).catch(() => null);
    if (!answer?.ok || asked !== this.interval) return;
    const { data } = await answer.json();
    this.rows = data.map((row) => ({
      at: Date.parse(row.start_at) / 1000, open: row.open_ticks, high: row.high_ticks, low: row.low_ticks,
      close: row.close_ticks, lots: row.volume_lots, trades: row.trades,
    }));
    this.show();
  }

  // Adds trades as they happen, oldest first.
  add(trades) {
    const printed = trades.filter(isPrinted);
    for (const trade of printed) this.take(trade);
    if (printed.length) this.show();
  }

  take({ executed_at: at, price_ticks: ticks, quantity_lots: lots }) {
    const row = this.rowAt(Date.parse(at) / 1000, ticks);
    row.high = Math.max(row.high, ticks);
    row.low = Math.min(row.low, ticks);
    row.close = ticks;
    row.lots += lots;
    row.trades += 1;
  }

  // The row of an instant; intervals without trades before it repeat the last price.
  rowAt(seconds, ticks) {
    const start = seconds - (seconds % this.step);
    if (!this.rows.length) this.rows.push(flat(start, ticks));
    while (this.rows.at(-1).at + this.step <= start) {
      const { at, close } = this.rows.at(-1);
      this.rows.push(flat(at + this.step, close));
    }
    const row = this.rows.at(-1);
    if (!row.trades) Object.assign(row, { open: ticks, high: ticks, low: ticks });
    return row;
  }

  // Time goes on without trades too.
  roll() {
    const last = this.rows.at(-1);
    if (!last || last.at + this.step > Date.now() / 1000) return;
    const start = Math.floor(Date.now() / 1000 / this.step) * this.step;
    for (let at = last.at + this.step; at <= start; at += this.step) this.rows.push(flat(at, last.close));
    this.show();
  }

  show() {
    this.rows = this.rows.slice(-MOST);
    this.canvas.hidden = !this.rows.length;
    byId("candles-empty").hidden = this.rows.length > 0;
    this.table();
    this.draw();
  }

  table() {
    const cells = ({ open, high, low, close }) => [open, high, low, close].map((ticks) => el("td", { class: "n" }, usdPerCu(this.terms, ticks)));
    const rows = this.rows.slice(-IN_TABLE).reverse().map((row) => el(
      "tr", {}, el("td", {}, el("time", { datetime: new Date(row.at * 1000).toISOString() }, this.label(row.at))), ...cells(row), el("td", { class: "n" }, number(row.lots)),
    ));
    byId("candles-table").replaceChildren(...rows);
  }

  label(seconds) {
    const text = new Date(seconds * 1000).toISOString();
    return this.step >= 86_400 ? text.slice(5, 10) : text.slice(11, 16);
  }

  draw() {
    const drawn = this.rows.length ? penFor(this.canvas, HEIGHT) : null;
    if (!drawn) return;
    const { pen, width } = drawn;
    const rows = this.rows.slice(-Math.max(1, Math.floor((width - PITCH) / PITCH)));
    const place = placing(rows, width);
    this.grid(pen, place, rows, width);
    for (const [index, row] of rows.entries()) candle(pen, place, row, place.x(index));
  }

  grid(pen, place, rows, width) {
    pen.fillStyle = colour("--muted");
    pen.strokeStyle = colour("--line");
    pen.lineWidth = 1;
    const step = roundStep((place.high - place.low) / 4);
    for (let ticks = Math.ceil(place.low / step) * step; ticks <= place.high; ticks += step) {
      const y = Math.round(place.y(ticks)) + 0.5;
      line(pen, 0, y, width, y);
      pen.textAlign = "left";
      pen.fillText(usdPerCu(this.terms, Math.round(ticks)), 4, Math.max(y - 4, 10));
    }
    pen.textAlign = "center";
    const every = Math.max(1, Math.round(90 / PITCH));
    for (let index = rows.length - 1; index >= 0; index -= every) {
      const x = Math.min(Math.max(place.x(index), 18), width - 18);
      pen.fillText(this.label(rows[index].at), x, HEIGHT - 6);
    }
    line(pen, 0, HEIGHT - AXIS + 0.5, width, HEIGHT - AXIS + 0.5);
  }
}

function flat(at, ticks) {
  return { at, open: ticks, high: ticks, low: ticks, close: ticks, lots: 0, trades: 0 };
}

// Where a candle, a price and a volume are on the canvas: the newest at the right, volume at the bottom.
function placing(rows, width) {
  const highest = Math.max(...rows.map((row) => row.high));
  const lowest = Math.min(...rows.map((row) => row.low));
  const room = Math.max((highest - lowest) * 0.08, 1);
  const [low, high] = [Math.max(lowest - room, 0), highest + room];
  const floor = HEIGHT - AXIS - VOLUME;
  const most = Math.max(...rows.map((row) => row.lots), 1);
  return {
    low, high,
    x: (index) => width - PITCH * (rows.length - index) + PITCH / 2 - 2,
    y: (ticks) => 6 + (floor - 6) * (1 - (ticks - low) / (high - low)),
    tall: (lots) => (VOLUME - 6) * (lots / most),
  };
}

// A rising candle is hollow, a falling one filled: colour is not all that tells them apart.
function candle(pen, place, row, x) {
  const isUp = row.close >= row.open;
  const [top, bottom] = [place.y(Math.max(row.open, row.close)), place.y(Math.min(row.open, row.close))];
  const tall = place.tall(row.lots);
  pen.fillStyle = colour(isUp ? "--up-soft" : "--down-soft");
  pen.fillRect(x - 3, HEIGHT - AXIS - tall, 6, tall);
  pen.strokeStyle = pen.fillStyle = colour(isUp ? "--up" : "--down");
  line(pen, x, place.y(row.high), x, top);
  line(pen, x, bottom, x, place.y(row.low));
  if (isUp && bottom - top > 1) pen.strokeRect(x - 2.5, top, 5, bottom - top);
  else pen.fillRect(x - 3, top, 6, Math.max(bottom - top, 1));
}
