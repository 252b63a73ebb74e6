// Server-sent events while the page is seen: a hidden tab holds no connection.
const RETRY_MS = 2000;

export class Stream {
  // `on` has a function for each name of event; it gets the data.
  constructor(url, on, onState = () => {}) {
    Object.assign(this, { url, on, onState, source: null });
    document.addEventListener("visibilitychange", () => (document.hidden ? this.close() : this.open()));
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", () => this.open());
    this.open();
  }

  open() {
    if (this.source || document.hidden) return;
    const source = new EventSource(this.url);
    for (const [name, take] of Object.entries(this.on)) {
      source.addEventListener(name, (event) => {
        if (this.source !== source) return;
        this.onState(true);
        take(JSON.parse(event.data));
      });
    }
    source.onerror = () => this.lost();
    this.source = source;
  }

  // Begins again, with a snapshot.
  restart() {
    this.close();
    this.open();
  }

  // The browser reconnects by itself, after the last event it has, unless it was refused; then we ask again.
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
