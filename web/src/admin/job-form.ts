import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { keyed } from 'lit/directives/keyed.js';

import { get, post } from '../api/client.ts';
import { problemNotice } from '../app/problem-notice.ts';
import { View } from '../app/view.ts';
import { admin } from './messages.ts';
import type { Job, Space } from './types.ts';

// What each kind of job takes, in the order of its form.
const kArguments = {
  backup: ['target'],
  ingest: ['path', 'format', 'label_columns'],
  evaluate: ['space', 'relevance', 'database'],
  calibrate: ['relevance'],
} as const;
export type JobKind = keyof typeof kArguments;
type Argument = (typeof kArguments)[JobKind][number];

export const jobKinds = Object.keys(kArguments) as JobKind[];
const kNeeded: readonly Argument[] = ['target', 'path'];
const kFormats = ['folder', 'csv', 'jsonl', 'webdataset', 'mat'];
const kDatabases = ['opposite', 'image', 'text', 'both'];
const kUsualDatabase = 'opposite'; // has no name with the server: it is what is done where none is given

// Starts a job: what kind, and what that kind needs to know. Sends the event `job-started` with the job.
@customElement('job-form')
export class JobForm extends View {
  @property() kind: JobKind = 'backup';
  @state() private problem: unknown;
  @state() private isSending = false;
  @state() private spaces: string[] = [];
  @state() private columns: string[] = [];

  override connectedCallback(): void {
    super.connectedCallback();
    void this.loadChoices();
  }

  // Without them the same can be typed; so a failure here is no reason to say anything.
  private async loadChoices(): Promise<void> {
    try {
      const [{ spaces }, { columns }] = await Promise.all([
        get<{ spaces: Space[] }>('/v1/spaces'),
        get<{ columns: string[] }>('/v1/labels'),
      ]);
      this.spaces = spaces.filter((space) => !space.problem).map((space) => space.name);
      this.columns = columns;
    } catch {
      this.spaces = [];
    }
  }

  protected override render(): TemplateResult {
    const m = admin().jobs;
    return html`<form class="stack" @submit=${this.submit}>
      <fieldset class="kinds">
        <legend>${m.kind}</legend>
        <div class="choices">
          ${jobKinds.map(
            (kind) => html`<label>
              <input type="radio" name="kind" value=${kind} .checked=${kind === this.kind} @change=${() => this.choose(kind)} />
              ${m.kinds[kind]}
            </label>`,
          )}
        </div>
      </fieldset>
      <p class="soft">${m.about[this.kind]}</p>
      ${keyed(this.kind, html`<div class="fields">${kArguments[this.kind].map((name) => this.field(name))}</div>`)}
      ${this.problem ? problemNotice(this.problem) : nothing}
      <div class="actions">
        <button class="button primary" ?disabled=${this.isSending}>${m.begin(m.kinds[this.kind]!)}</button>
      </div>
    </form>`;
  }

  private field(name: Argument): TemplateResult {
    const m = admin().jobs;
    const id = `job-${name.replace('_', '-')}`;
    const choices = this.choices(name);
    return html`<div class="field">
      <label for=${id}>${m.argument[name]}</label>
      ${choices
        ? html`<select class="input" id=${id} name=${name} aria-describedby="${id}-hint">
            ${choices.map(([value, text]) => html`<option value=${value}>${text}</option>`)}
          </select>`
        : html`<input
            class="input"
            id=${id}
            name=${name}
            autocomplete="off"
            autocapitalize="off"
            spellcheck="false"
            ?required=${kNeeded.includes(name)}
            list=${name === 'relevance' ? 'relevances' : nothing}
            aria-describedby="${id}-hint"
          />`}
      <span class="hint" id="${id}-hint">${m.help[name]}</span>
      ${name === 'relevance'
        ? html`<datalist id="relevances">${this.columns.map((column) => html`<option value="any:${column}"></option>`)}</datalist>`
        : nothing}
    </div>`;
  }

  // What can be given, where that is known; the first is what is usual.
  private choices(name: Argument): [value: string, text: string][] | undefined {
    const m = admin();
    const named = (all: string[]): [string, string][] => all.map((one) => [one, one]);
    if (name === 'format') return [['', m.jobs.automatic], ...named(kFormats)];
    if (name === 'space') return [['', m.jobs.usual], ...named(this.spaces)];
    if (name === 'database') return kDatabases.map((one) => [one === kUsualDatabase ? '' : one, m.spaces.database[one]!]);
    return undefined;
  }

  private choose(kind: JobKind): void {
    this.kind = kind;
    this.problem = undefined;
  }

  private async submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const given = new FormData(form);
    const said = kArguments[this.kind].map((name) => [name, String(given.get(name) ?? '').trim()] as const);
    this.isSending = true;
    this.problem = undefined;
    try {
      const job = await post<Job>('/v1/jobs', {
        kind: this.kind,
        arguments: Object.fromEntries(said.filter(([, value]) => value !== '')),
      });
      this.dispatchEvent(new CustomEvent<Job>('job-started', { detail: job }));
    } catch (error) {
      this.problem = error;
    } finally {
      this.isSending = false;
    }
  }
}
