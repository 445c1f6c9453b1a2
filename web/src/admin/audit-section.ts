import { html, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';

import { get } from '../api/client.ts';
import { formatNumber, language } from '../i18n/language.ts';
import './copy-button.ts';
import { admin } from './messages.ts';
import { Section } from './section.ts';
import { table } from './tables.ts';
import type { AuditLine } from './types.ts';

const kCounts = [100, 500, 1000];
const kChanges = 'changes'; // of the filter: not the name of an action
const kQuestions = ['POST /v1/search', 'POST /v1/encode', 'POST /v1/explain'];

function isChange(action: string): boolean {
  return !action.startsWith('GET ') && !kQuestions.includes(action);
}

const kOutcomeChip: Record<string, string> = { done: 'chip', refused: 'chip bad', failed: 'chip doubt' };

// Who did what: the last lines of the audit log.
@customElement('audit-section')
export class AuditSection extends Section {
  @state() private lines: AuditLine[] = []; // newest first
  @state() private head = '';
  @state() private who = '';
  @state() private action = '';
  @state() private outcome = '';
  private count = kCounts[0]!;

  protected override async load(signal: AbortSignal): Promise<void> {
    const page = await get<{ lines: AuditLine[]; head: string }>(`/v1/audit?last=${this.count}`, { signal });
    this.lines = page.lines.reverse();
    this.head = page.head;
  }

  protected override content(): TemplateResult {
    const m = admin().audit;
    const shown = this.lines.filter((line) => this.isWanted(line));
    return html`
      <p class="soft">${m.lead}</p>
      <section class="panel chain" aria-labelledby="head">
        <h2 id="head">${m.head}</h2>
        <div class="copyable"><code>${this.head}</code><copy-button .text=${this.head}></copy-button></div>
        <p class="soft small">${m.headNote}</p>
      </section>
      <form class="form-row" @submit=${(event: Event) => event.preventDefault()}>
        ${this.select('audit-last', m.last, String(this.count), kCounts.map((count) => [String(count), formatNumber(count)]), (value) => {
          this.count = Number(value);
          void this.reload();
        })}
        ${this.select('audit-who', m.who, this.who, [['', m.anyone], ...this.valuesOf((line) => line.who)], (value) => (this.who = value))}
        ${this.select(
          'audit-action',
          m.what,
          this.action,
          [['', m.anything], [kChanges, m.changes], ...this.valuesOf((line) => line.action)],
          (value) => (this.action = value),
        )}
        ${this.select(
          'audit-outcome',
          m.outcome,
          this.outcome,
          [['', m.anyOutcome], ...Object.entries(m.outcomes)],
          (value) => (this.outcome = value),
        )}
      </form>
      <section class="panel" aria-labelledby="lines">
        <h2 id="lines" class="quiet-title">
          <span role="status">${m.shown(formatNumber(shown.length), formatNumber(this.lines.length))}</span>
        </h2>
        ${shown.length === 0
          ? html`<p class="soft">${this.lines.length === 0 ? m.nothing : m.nothingSo}</p>`
          : table({
              labelledBy: 'lines',
              head: [m.time, m.who, m.what, m.items, m.outcome],
              rows: shown.map((line) => [
                html`<time datetime=${line.time} title="${m.number} ${line.seq}">${toTheSecond(line.time)}</time>`,
                html`${line.who}${line.key ? html` <span class="soft code">${line.key}</span>` : ''}`,
                html`<span class="code">${line.action}</span>`,
                line.items.length > 0 ? html`<span class="code">${line.items.slice(0, 5).join(', ')}${line.items.length > 5 ? ' …' : ''}</span>` : '',
                html`<span class=${kOutcomeChip[line.outcome] ?? 'chip'}>${m.outcomes[line.outcome] ?? line.outcome}${line.status ? ` ${line.status}` : ''}</span>`,
              ]),
            })}
      </section>
    `;
  }

  private isWanted(line: AuditLine): boolean {
    return (
      (this.who === '' || line.who === this.who) &&
      (this.outcome === '' || line.outcome === this.outcome) &&
      (this.action === '' || (this.action === kChanges ? isChange(line.action) : line.action === this.action))
    );
  }

  private valuesOf(of: (line: AuditLine) => string): [string, string][] {
    return [...new Set(this.lines.map(of))].sort().map((one) => [one, one]);
  }

  private select(id: string, name: string, value: string, options: [string, string][], choose: (value: string) => void): TemplateResult {
    return html`<div class="field">
      <label for=${id}>${name}</label>
      <select class="input" id=${id} @change=${(event: Event) => choose((event.target as HTMLSelectElement).value)}>
        ${options.map(([one, text]) => html`<option value=${one} ?selected=${one === value}>${text}</option>`)}
      </select>
    </div>`;
  }
}

function toTheSecond(iso: string): string {
  return new Intl.DateTimeFormat(language(), { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(iso));
}
