// Whether the server is there. Whoever finds that it is not says so here; from then on it is asked until it answers.

export type Connection = 'here' | 'away' | { busyForSeconds: number };

const changes = new EventTarget();
let state: Connection = 'here';

export function connection(): Connection {
  return state;
}

// Calls back at each change; returns what ends that.
export function onConnectionChange(callback: (state: Connection) => void): () => void {
  const listener = (): void => callback(state);
  changes.addEventListener('change', listener);
  return () => changes.removeEventListener('change', listener);
}

function become(next: Connection): void {
  if (next === state) return;
  state = next;
  changes.dispatchEvent(new Event('change'));
}

export function serverAnswered(): void {
  if (state !== 'away') become('here');
}

export function serverIsBusy(seconds: number): void {
  if (state !== 'away') become({ busyForSeconds: seconds });
}

export function serverIsAway(): void {
  if (state === 'away') return;
  become('away');
  void askUntilReady();
}

async function askUntilReady(): Promise<void> {
  for (let waited = 1000; ; waited = Math.min(waited * 1.5, 5000)) {
    await new Promise((resolve) => setTimeout(resolve, waited));
    try {
      const answer = await fetch('/readyz', { cache: 'no-store' });
      if (answer.ok) break;
    } catch {
      // still away
    }
  }
  become('here');
}
