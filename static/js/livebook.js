// A market as its stream tells it: a snapshot, then what changed. Every checksum is verified.
const LEVELS = 10;
const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let crc = index;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

export function crc32(text) {
  let crc = -1;
  for (let at = 0; at < text.length; at += 1) crc = (crc >>> 8) ^ TABLE[(crc ^ text.charCodeAt(at)) & 0xff];
  return (crc ^ -1) >>> 0;
}

export class LiveBook {
  constructor({ bids, asks, seq, phase, auction, crc }) {
    Object.assign(this, { seq, phase, auction: auction ?? null, sides: { bid: new Map(bids), ask: new Map(asks) } });
    this.isSound = crc === this.checksum();
  }

  // Takes one delta. Afterwards the book is sound, or it has to be asked for again.
  change({ seq, levels, phase, auction, crc }) {
    this.isSound = seq === this.seq + 1;
    this.seq = seq;
    for (const [side, ticks, lots] of levels) {
      if (lots) this.sides[side].set(ticks, lots);
      else this.sides[side].delete(ticks);
    }
    if (phase) this.phase = phase;
    if (auction) this.auction = auction;
    if (crc !== undefined) this.isSound &&= crc === this.checksum();
  }

  // Levels as [ticks, lots], best first.
  get bids() {
    return [...this.sides.bid].sort(([one], [other]) => other - one);
  }

  get asks() {
    return [...this.sides.ask].sort(([one], [other]) => one - other);
  }

  checksum() {
    const text = (side, levels) => levels.slice(0, LEVELS).map(([ticks, lots]) => `${side}:${ticks}:${lots},`).join("");
    return crc32(text("bid", this.bids) + text("ask", this.asks));
  }
}
