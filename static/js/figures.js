// Figures as people read them, in exact integer arithmetic (BigInt), like web/figures.py.
const NANO = 1_000_000_000n;
const UCU_PER_CU = 1_000_000n;

function grouped(digits) {
  return digits.replace(/\B(?=(\d{3})+$)/g, ",");
}

export function number(value) {
  return grouped(String(value));
}

export function usd(nano) {
  const amount = BigInt(nano);
  const size = amount < 0n ? -amount : amount;
  const fraction = String(size % NANO).padStart(9, "0");
  return `${amount < 0n ? "-" : ""}$${grouped(String(size / NANO))}.${fraction.slice(0, 2)}${fraction.slice(2).replace(/0+$/, "")}`;
}

export function usdPerCu(terms, ticks) {
  return usd((BigInt(ticks) * terms.tickNanoUsd * UCU_PER_CU) / terms.lotUcu);
}

export function cu(ucu) {
  const fraction = String(ucu % UCU_PER_CU).padStart(6, "0").replace(/0+$/, "");
  return grouped(String(ucu / UCU_PER_CU)) + (fraction ? `.${fraction}` : "");
}

// The number in a text field, or null; digits may be grouped as the server allows it.
export function parsed(text) {
  const digits = text.replace(/[\s,]/g, "");
  return /^\d{1,18}$/.test(digits) ? BigInt(digits) : null;
}
