/** A value that components show: each that uses it is drawn anew when it changes. */

import { useEffect, useState } from "preact/hooks";

export class Store<T> {
  private readonly listeners = new Set<() => void>();

  constructor(private current: T) {}

  get value(): T {
    return this.current;
  }

  set(value: T): void {
    if (Object.is(value, this.current)) return;
    this.current = value;
    for (const listener of [...this.listeners]) listener();
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

export function use<T>(store: Store<T>): T {
  const [shown, show] = useState(() => store.value);
  useEffect(() => {
    show(() => store.value); // it may have changed between drawing and this
    return store.subscribe(() => show(() => store.value));
  }, [store]);
  return shown;
}

/** The present time in seconds, for what counts on the page itself; changes once a second. */
export const clock = new Store(performance.now() / 1000);

setInterval(() => clock.set(performance.now() / 1000), 1000);
