import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';

import { del, path } from '../api/client.ts';
import { announce } from '../app/announce.ts';
import { problemNotice } from '../app/problem-notice.ts';
import { formatNumber, formatTime } from '../i18n/language.ts';
import { ask } from './ask.ts';
import './job-form.ts';
import { jobKinds, type JobKind } from './job-form.ts';
import { JobPoll, hasEnded } from './job-poll.ts';
import { admin } from './messages.ts';
import { Section } from './section.ts';
import type { Job } from './types.ts';

const kStateChip: Record<Job['state'], string> = {
  waiting: 'chip',
  running: 'chip accent',
  done: 'chip good',
  failed: 'chip bad',
  cancelled: 'chip doubt',
};

// Long runs: start one, see how far they are, cancel them.
@customElement('jobs-section')
export class JobsSection extends Section {
  @state() private cancelProblem: unknown;
  private readonly poll = new JobPoll(this, (job) => announce(outcomeOf(job)));

  protected override load(): Promise<void> {
    return this.poll.load();
  }

  protected override content(): TemplateResult {
    const m = admin().jobs;
    return html`
      <p class="soft">${m.lead}</p>
      <section class="panel" aria-labelledby="start">
        <h2 id="start">${m.start}</h2>
        <job-form .kind=${kindOfAddress()} @job-started=${this.started}></job-form>
      </section>
      <section class="stack" aria-labelledby="jobs">
        <h2 id="jobs">${m.list}</h2>
        ${this.cancelProblem ? problemNotice(this.cancelProblem) : nothing}
        ${this.poll.jobs.length === 0
          ? html`<p class="soft">${m.nothing}</p>`
          : html`<ul class="jobs">${repeat(this.poll.jobs, (job) => job.id, (job) => this.job(job))}</ul>`}
      </section>
    `;
  }

  private job(job: Job): TemplateResult {
    const m = admin().jobs;
    const said = Object.entries(job.arguments);
    return html`<li class="panel job">
      <header>
        <h3 id="job-${job.id}">${nameOf(job)}</h3>
        <span class=${kStateChip[job.state]}>${m.states[job.state]}</span>
        ${hasEnded(job)
          ? nothing
          : html`<button class="button" type="button" aria-describedby="job-${job.id}" @click=${() => this.cancel(job)}>${m.cancel}</button>`}
      </header>
      ${job.state === 'running' ? this.progress(job) : nothing}
      ${job.problem
        ? html`<div class="notice bad"><div class="body"><strong>${job.problem.detail}</strong>${job.problem.hint ?? ''}</div></div>`
        : nothing}
      ${job.state === 'done' ? html`<p>${summaryOf(job)}</p>` : nothing}
      <dl class="particulars">
        ${said.map(([name, value]) => html`<div><dt>${m.argument[name] ?? name}</dt><dd class="code">${value}</dd></div>`)}
        <div><dt>${m.began}</dt><dd>${formatTime(job.created)}</dd></div>
        ${job.finished ? html`<div><dt>${m.ended}</dt><dd>${formatTime(job.finished)}</dd></div>` : nothing}
        <div><dt>${m.by}</dt><dd>${job.owner}</dd></div>
      </dl>
      ${job.state === 'done' && job.result
        ? html`<details><summary>${m.result}</summary><pre class="code" tabindex="0" role="region" aria-label=${m.result}>${JSON.stringify(job.result, null, 2)}</pre></details>`
        : nothing}
    </li>`;
  }

  private progress(job: Job): TemplateResult {
    const m = admin().jobs;
    const isKnown = (job.total ?? 0) > 0;
    return html`<div class="progress">
      <progress
        aria-label=${m.progress(nameOf(job))}
        max=${isKnown ? job.total! : nothing}
        value=${isKnown ? (job.done ?? 0) : nothing}
      ></progress>
      <span class="soft small">
        ${job.stage ?? ''} ${isKnown ? m.of(formatNumber(job.done ?? 0), formatNumber(job.total!)) : nothing} ${job.note ?? ''}
      </span>
    </div>`;
  }

  private async started(event: CustomEvent<Job>): Promise<void> {
    announce(admin().jobs.startedNow(nameOf(event.detail)));
    await this.poll.follow(event.detail);
  }

  private async cancel(job: Job): Promise<void> {
    const m = admin().jobs;
    const isSure = await ask({
      title: m.cancelAsk(nameOf(job)),
      notes: [m.cancelNote],
      yes: m.cancel,
      no: m.keepRunning,
    });
    if (!isSure) return;
    this.cancelProblem = undefined;
    try {
      await del(path`/v1/jobs/${job.id}`);
    } catch (error) {
      this.cancelProblem = error;
    }
    await this.poll.load();
  }
}

function nameOf(job: Job): string {
  return admin().jobs.kinds[job.kind] ?? job.kind;
}

export function outcomeOf(job: Job): string {
  const m = admin().jobs;
  if (job.state === 'cancelled') return m.isCancelled(nameOf(job));
  return job.state === 'done' ? m.isDone(nameOf(job)) : m.hasFailed(nameOf(job));
}

// /admin/jobs?new=ingest: a link from where more items are wanted.
function kindOfAddress(): JobKind {
  const asked = new URLSearchParams(location.search).get('new');
  return jobKinds.find((kind) => kind === asked) ?? 'backup';
}

// What came of it, in one sentence; all of it is behind "Result".
function summaryOf(job: Job): string {
  const m = admin().jobs.summary;
  const result = job.result ?? {};
  const number = (name: string): number => (typeof result[name] === 'number' ? result[name] : 0);
  const text = (name: string): string => (typeof result[name] === 'string' ? result[name] : '');
  switch (job.kind) {
    case 'backup':
      return m.backup(formatNumber(number('files')), formatNumber(number('bytes') / 1e6, { maximumFractionDigits: 1 }), text('target'));
    case 'ingest':
      return m.ingest(...(['added', 'updated', 'unchanged', 'rejected'].map((name) => formatNumber(number(name))) as [string, string, string, string]));
    case 'evaluate':
      return m.evaluate(text('space'), text('relevance'), formatNumber(number('query_items')));
    case 'calibrate':
      return m.calibrate(formatNumber(number('queries')), formatNumber(number('calibration_error'), { maximumFractionDigits: 3 }));
    default:
      return '';
  }
}
