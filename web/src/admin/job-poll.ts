import type { ReactiveController, ReactiveControllerHost } from 'lit';

import { get, isAborted } from '../api/client.ts';
import type { Job } from './types.ts';

const kFirstWait = 700; // milliseconds
const kLongestWait = 4000; // every question is a line of the audit log

export function hasEnded(job: Job): boolean {
  return job.state === 'done' || job.state === 'failed' || job.state === 'cancelled';
}

// Keeps the list of jobs up to date for an element: asked when it appears and, while something runs, again and again,
// less and less often.
export class JobPoll implements ReactiveController {
  jobs: Job[] = []; // latest first
  private stop = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private wait = kFirstWait;

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly onEnd: (job: Job) => void, // one that was seen running has ended
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    this.stop = new AbortController();
  }

  hostDisconnected(): void {
    this.stop.abort();
    clearTimeout(this.timer);
  }

  // Asks now; throws what the server says.
  async load(): Promise<void> {
    clearTimeout(this.timer);
    const { jobs } = await get<{ jobs: Job[] }>('/v1/jobs', { signal: this.stop.signal });
    const ran = new Set(this.jobs.filter((job) => !hasEnded(job)).map((job) => job.id));
    this.jobs = jobs;
    this.host.requestUpdate();
    for (const job of jobs) if (ran.has(job.id) && hasEnded(job)) this.onEnd(job);
    if (jobs.every(hasEnded)) return;
    this.timer = setTimeout(this.askAgain, this.wait);
    this.wait = Math.min(this.wait * 1.3, kLongestWait);
  }

  // After a job was started: it is shown at once, though it may have ended by the next question.
  async follow(job: Job): Promise<void> {
    this.jobs = [job, ...this.jobs];
    this.wait = kFirstWait;
    await this.load();
  }

  private readonly askAgain = async (): Promise<void> => {
    try {
      await this.load();
    } catch (error) {
      // Whatever was wrong, the jobs go on, and so does this.
      if (!isAborted(error)) this.timer = setTimeout(this.askAgain, kLongestWait);
    }
  };
}
