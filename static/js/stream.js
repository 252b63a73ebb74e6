// Server-sent events while the page is seen: a hidden tab holds no connection.
const RETRY_MS = 2000;

export class Stream {
  constructor(url, { onSnapshot, onUpdate, onState = () => {} }) {
    Object.assign(this, { url, onSnapshot, onUpdate, onState, source: null });
    document.addEventListener("visibilitychange", () => (document.hidden ? this.close() : this.open()));
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", () => this.open());
    this.open();
  }

  open() {
    if (this.source || document.hidden) return;
    const source = new EventSource(this.url);
    source.addEventListener("snapshot", (event) => { this.onState(true); this.onSnapshot(JSON.parse(event.data)); });
    source.addEventListener("update", (event) => this.onUpdate(JSON.parse(event.data)));
    source.onerror = () => this.lost();
    this.source = source;
  }

  // The browser reconnects by itself unless it was refused; then we ask again.
  lost() {
    this.onState(false);
    if (this.source?.readyState !== EventSource.CLOSED) return;
    this.close();
    setTimeout(() => this.open(), RETRY_MS);
  }

  close() {
    this.source?.close();
    this.source = null;
  }
}
