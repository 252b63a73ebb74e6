// What both pictures of the market share: colours of the theme, lines, round steps of an axis.
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function line(pen, x1, y1, x2, y2) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}

// The next 1, 2, 2.5 or 5 times a power of ten.
export function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
  return Math.max(1, power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= least));
}

// A pen for a canvas of this height, cleared, in units of the page; null while it is not laid out.
export function penFor(canvas, height) {
  const width = canvas.clientWidth;
  if (!width) return null;
  const scale = devicePixelRatio || 1;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  return { pen, width };
}

// Draws again when the size or the theme changes.
export function redrawn(canvas, draw) {
  new ResizeObserver(draw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
