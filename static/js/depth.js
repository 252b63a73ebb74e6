// Cumulative depth on a canvas, with a table of the same figures for who cannot see it.
import { byId, el } from "./dom.js";
import { number, usdPerCu } from "./figures.js";
import { totals } from "./book.js";
import { colour, line, penFor, redrawn, roundStep } from "./pen.js";

const HEIGHT = 240;
const AXIS = 22;

export class Depth {
  constructor(terms) {
    this.terms = terms;
    this.canvas = byId("depth");
    this.book = null;
    redrawn(this.canvas, () => this.draw());
  }

  show(book) {
    this.book = { bids: totals(book.bids), asks: totals(book.asks) };
    const isEmpty = !book.bids.length && !book.asks.length;
    this.canvas.hidden = isEmpty;
    byId("depth-empty").hidden = !isEmpty;
    this.table();
    this.draw();
  }

  table() {
    const row = (name, colour) => ({ ticks, total }) => el(
      "tr", {}, el("td", { class: colour }, name), el("td", { class: "n" }, usdPerCu(this.terms, ticks)), el("td", { class: "n" }, number(total)),
    );
    byId("depth-table").replaceChildren(...this.book.bids.map(row("Bid", "up")), ...this.book.asks.map(row("Ask", "down")));
  }

  draw() {
    const drawn = this.book ? penFor(this.canvas, HEIGHT) : null;
    if (!drawn) return;
    const { pen, width } = drawn;
    const place = this.placing(width);
    this.grid(pen, place, width);
    this.area(pen, place, this.book.bids, "up", 0);
    this.area(pen, place, this.book.asks, "down", width);
  }

  // Where a price and a total are on the canvas: the same span on both sides of the middle.
  placing(width) {
    const { bids, asks } = this.book;
    const best = [bids[0]?.ticks, asks[0]?.ticks].filter((ticks) => ticks !== undefined);
    const middle = best.reduce((sum, ticks) => sum + ticks, 0) / best.length;
    const far = Math.max(...[...bids, ...asks].map(({ ticks }) => Math.abs(ticks - middle)), 1) * 1.08;
    const high = Math.max(bids.at(-1)?.total ?? 0, asks.at(-1)?.total ?? 0, 1) * 1.12;
    return {
      middle, far, high,
      x: (ticks) => width / 2 + ((ticks - middle) / far) * (width / 2),
      y: (total) => (HEIGHT - AXIS) * (1 - total / high),
    };
  }

  area(pen, place, levels, name, edge) {
    if (!levels.length) return;
    const points = [[place.x(levels[0].ticks), place.y(0)]];
    let before = 0;
    for (const { ticks, total } of levels) {
      points.push([place.x(ticks), place.y(before)], [place.x(ticks), place.y(total)]);
      before = total;
    }
    points.push([edge, place.y(before)]);
    pen.beginPath();
    points.forEach(([x, y], index) => (index ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.strokeStyle = colour(`--${name}`);
    pen.lineWidth = 2;
    pen.stroke();
    pen.lineTo(edge, place.y(0));
    pen.closePath();
    pen.globalAlpha = 0.75;
    pen.fillStyle = colour(`--${name}-soft`);
    pen.globalCompositeOperation = "destination-over";
    pen.fill();
    pen.globalAlpha = 1;
    pen.globalCompositeOperation = "source-over";
  }

  grid(pen, place, width) {
    pen.fillStyle = colour("--muted");
    pen.strokeStyle = colour("--line");
    pen.lineWidth = 1;
    const step = roundStep(place.high / 4);
    for (let total = step; total < place.high; total += step) {
      const y = Math.round(place.y(total)) + 0.5;
      line(pen, 0, y, width, y);
      pen.textAlign = "left";
      pen.fillText(number(total), 4, y - 4);
    }
    for (const share of [-0.75, -0.4, 0, 0.4, 0.75]) {
      const ticks = Math.round(place.middle + share * place.far);
      pen.textAlign = "center";
      pen.fillText(usdPerCu(this.terms, Math.max(ticks, 0)), place.x(ticks), HEIGHT - 6);
    }
    const base = HEIGHT - AXIS + 0.5;
    line(pen, 0, base, width, base);
  }
}
