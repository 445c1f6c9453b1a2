import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';

import { get, post } from '../api/client.ts';
import { announce } from '../app/announce.ts';
import { problemNotice } from '../app/problem-notice.ts';
import { formatNumber, formatTime } from '../i18n/language.ts';
import { JobPoll, hasEnded } from './job-poll.ts';
import { outcomeOf } from './jobs-section.ts';
import { admin } from './messages.ts';
import './precision-recall.ts';
import { Section } from './section.ts';
import { table } from './tables.ts';
import { three } from './three.ts';
import type { Evaluation, EvaluationResult, Job, Space } from './types.ts';

// The code spaces, and how good each is.
@customElement('spaces-section')
export class SpacesSection extends Section {
  @state() private spaces: Space[] = [];
  @state() private columns: string[] = [];
  @state() private evaluations: Evaluation[] = [];
  @state() private chosen = ''; // keyOf() the evaluation that is shown
  @state() private direction = '';
  @state() private problem: unknown;
  private readonly poll = new JobPoll(this, (job) => void this.ended(job));

  protected override async load(signal: AbortSignal): Promise<void> {
    const [{ spaces }, { columns }, { evaluations }] = await Promise.all([
      get<{ spaces: Space[] }>('/v1/spaces', { signal }),
      get<{ columns: string[] }>('/v1/labels', { signal }),
      get<{ evaluations: Evaluation[] }>('/v1/evaluations', { signal }),
      this.poll.load(),
    ]);
    this.spaces = spaces;
    this.columns = columns;
    this.evaluations = evaluations;
  }

  protected override content(): TemplateResult {
    const m = admin().spaces;
    return html`
      <p class="soft">${m.lead}</p>
      ${this.spaces.length === 0
        ? html`<p class="notice doubt">${m.none}</p>`
        : html`<ul class="spaces">${this.spaces.map((space) => this.space(space))}</ul>`}
      <section class="panel" aria-labelledby="evaluation">
        <h2 id="evaluation">${m.evaluation}</h2>
        <p class="soft">${m.evaluationLead}</p>
        ${this.evaluateForm()}
        ${this.problem ? problemNotice(this.problem) : nothing}
        ${this.running()}
        ${this.evaluations.length === 0 ? html`<p class="soft">${m.noEvaluation}</p>` : this.evaluation()}
      </section>
    `;
  }

  private space(space: Space): TemplateResult {
    const m = admin().spaces;
    return html`<li class="panel space">
      <header>
        <h2>${space.name}</h2>
        ${space.served ? html`<span class="chip accent">${m.served}</span>` : nothing}
        ${space.calibrated
          ? html`<span class="chip good">${m.calibrated}</span>`
          : html`<span class="chip" title=${m.notCalibratedNote}>${m.notCalibrated}</span>`}
      </header>
      ${space.problem
        ? html`<div class="notice bad"><div class="body"><strong>${m.unusable}</strong>${space.problem}</div></div>`
        : nothing}
      <dl class="particulars">
        <div><dt>${m.method}</dt><dd>${space.method}</dd></div>
        <div><dt>${m.bits}</dt><dd>${space.bits.join(', ')}</dd></div>
        <div><dt>${m.generation}</dt><dd>${space.generation}</dd></div>
        <div><dt>${m.imageEncoder}</dt><dd>${space.image_encoder}</dd></div>
        <div><dt>${m.textEncoder}</dt><dd>${space.text_encoder}</dd></div>
      </dl>
    </li>`;
  }

  private evaluateForm(): TemplateResult {
    const m = admin().spaces;
    const usable = this.spaces.filter((space) => !space.problem);
    return html`<form class="form-row" @submit=${this.evaluate}>
      <div class="field">
        <label for="evaluate-space">${m.space}</label>
        <select class="input" id="evaluate-space" name="space">
          ${usable.map((space) => html`<option ?selected=${space.served}>${space.name}</option>`)}
        </select>
      </div>
      <div class="field">
        <label for="evaluate-relevance">${m.relevance}</label>
        <select class="input" id="evaluate-relevance" name="relevance">
          ${this.columns.map((column, i) => html`<option value="any:${column}" ?selected=${i === 0}>${m.relevanceAny(column)}</option>`)}
          <option value="any">${m.relevanceAll}</option>
        </select>
      </div>
      <button class="button" ?disabled=${usable.length === 0 || this.isEvaluating()}>${m.evaluateNow}</button>
    </form>`;
  }

  private isEvaluating(): boolean {
    return this.poll.jobs.some((job) => job.kind === 'evaluate' && !hasEnded(job));
  }

  private running(): TemplateResult | typeof nothing {
    if (!this.isEvaluating()) return nothing;
    const m = admin();
    return html`<div class="notice">
      <div class="body"><progress aria-label=${m.jobs.progress(m.jobs.kinds['evaluate']!)}></progress> ${m.spaces.started}</div>
      <a href="/admin/jobs">${m.spaces.seeJobs}</a>
    </div>`;
  }

  private evaluation(): TemplateResult {
    const m = admin().spaces;
    const shown = this.evaluations.find((one) => keyOf(one) === this.chosen) ?? this.evaluations[0]!;
    const directions = [...new Set(shown.results.map((result) => result.direction))];
    const direction = directions.includes(this.direction) ? this.direction : directions[0]!;
    const results = shown.results.filter((result) => result.direction === direction);
    const lines = results.flatMap(({ bits, curve }) => (curve && curve.length > 0 ? [{ bits, curve }] : []));
    return html`
      <div class="form-row">
        <div class="field wide">
          <label for="evaluation-chosen">${m.choose}</label>
          <select class="input" id="evaluation-chosen" @change=${(event: Event) => (this.chosen = (event.target as HTMLSelectElement).value)}>
            ${this.evaluations.map((one) => html`<option value=${keyOf(one)} ?selected=${one === shown}>${nameOf(one)}</option>`)}
          </select>
        </div>
      </div>
      <p class="small soft">
        ${m.protocol(formatNumber(shown.query_items), formatNumber(shown.database_items), shown.relevance)}
        ${shown.train_in_database ? m.trainInside : nothing} ${m.ties} ${m.measured(formatTime(shown.time))}
      </p>
      <h3 id="map">${m.mapCaption}</h3>
      <p class="small soft">${m.mapNote}</p>
      ${this.precisions(shown.results, directions)}
      <h3>${m.curve}</h3>
      ${directions.length > 1
        ? html`<fieldset class="choices" role="radiogroup" aria-label=${m.direction}>
            ${directions.map(
              (one) => html`<label>
                <input type="radio" name="direction" value=${one} .checked=${one === direction} @change=${() => (this.direction = one)} />
                ${m.directions[one] ?? one}
              </label>`,
            )}
          </fieldset>`
        : nothing}
      ${lines.length > 0
        ? html`<precision-recall .lines=${lines} .direction=${direction}></precision-recall>`
        : html`<p class="soft">${m.noCurve}</p>`}
    `;
  }

  private precisions(results: EvaluationResult[], directions: string[]): TemplateResult {
    const m = admin().spaces;
    const lengths = [...new Set(results.map((result) => result.bits))];
    const ten = results.some((result) => result.precision_at['10'] !== undefined);
    const cell = (direction: string, bits: number): EvaluationResult | undefined =>
      results.find((result) => result.direction === direction && result.bits === bits);
    return table({
      labelledBy: 'map',
      head: [
        { name: m.bits, isNumber: true },
        ...directions.map((direction) => ({ name: m.directions[direction] ?? direction, isNumber: true as const })),
        ...(ten
          ? directions.map((direction) => ({
              name: `P@10, ${m.directions[direction] ?? direction}`,
              isNumber: true as const,
            }))
          : []),
      ],
      rows: lengths.map((bits) => [
        String(bits),
        ...directions.map((direction) => {
          const result = cell(direction, bits);
          return result
            ? html`<strong>${three(result.map)}</strong> <span class="soft small interval">${three(result.ci95[0])} – ${three(result.ci95[1])}</span>`
            : '';
        }),
        ...(ten
          ? directions.map((direction) => {
              const value = cell(direction, bits)?.precision_at['10'];
              return value === undefined ? '' : three(value);
            })
          : []),
      ]),
    });
  }

  private async evaluate(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    this.problem = undefined;
    try {
      const job = await post<Job>('/v1/jobs', {
        kind: 'evaluate',
        arguments: { space: String(form.get('space')), relevance: String(form.get('relevance')) },
      });
      announce(admin().spaces.started);
      await this.poll.follow(job);
    } catch (error) {
      this.problem = error;
    }
  }

  // The result of one that ended well is what is looked at next.
  private async ended(job: Job): Promise<void> {
    if (job.kind !== 'evaluate') return;
    announce(outcomeOf(job));
    if (job.problem) {
      this.problem = new Error(`${job.problem.detail}${job.problem.hint ? ` (${job.problem.hint})` : ''}`);
      return;
    }
    await this.reload();
    const { space, relevance } = job.result ?? {};
    const made = this.evaluations.find((one) => one.space === space && one.relevance === relevance);
    if (made) this.chosen = keyOf(made);
  }
}

function keyOf(evaluation: Evaluation): string {
  return JSON.stringify([evaluation.space, evaluation.relevance, evaluation.database]);
}

function nameOf(evaluation: Evaluation): string {
  const m = admin().spaces;
  return m.resultName(evaluation.space, evaluation.relevance, m.database[evaluation.database] ?? evaluation.database);
}
